"""The mails that the rules of a workspace caused: each claimed before it was sent, and settled."""

from collections import deque
from collections.abc import Iterator
from uuid import UUID, uuid5

from alerts.evaluate.intent import FIRED, episode_id, notification_id
from benchmarks.workspaces.links import SECOND, Loose
from benchmarks.workspaces.story import SERVER
from benchmarks.workspaces.world import World
from schemas.events import Claim, Event, NotificationsClaimedEvent, NotificationsSettledEvent, Outcome
from schemas.streams import key_of, notifications_stream

_LEASE_SECONDS = 60.0


class Mails:
    """Follows the control log as it is written; `alarms` are the rules that an event is told by, by its hash."""

    def __init__(self, world: World) -> None:
        """Begin before the first event."""
        self.alarms: dict[bytes, list[int]] = {}
        self._world = world
        self._stream = notifications_stream(world.control_id)
        self._in_force: dict[str, int] = {}
        self._waiting: deque[Loose] = deque()

    def define(self, stream: str, position: int) -> None:
        """Note where a rule was defined."""
        self._in_force[key_of(stream)] = position

    def notice(self, moment: int, stream: str, event_hash: bytes, position: int) -> None:
        """Let the rules that are about an event tell of it."""
        claims = [
            self._claim(number, recipient, key_of(stream), event_hash, position)
            for number in self.alarms.pop(event_hash, ())
            for recipient in self._world.rules[number][1].recipients
        ]
        if not claims:
            return
        claimed = NotificationsClaimedEvent(server=SERVER, lease_seconds=_LEASE_SECONDS, notifications=claims)
        outcomes = [Outcome(notification=each.notification, attempt=1, outcome="sent", code=250) for each in claims]
        for seconds, event in ((1, claimed), (2, NotificationsSettledEvent(outcomes=outcomes))):
            self._waiting.append(self._loose(moment + seconds * SECOND, event, claims[0]))

    def due(self, moment: int) -> Iterator[Loose]:
        """What became of mails by then, in order."""
        while self._waiting and self._waiting[0].moment <= moment:
            yield self._waiting.popleft()

    def _claim(self, number: int, recipient: str, run_id: str, event_hash: bytes, position: int) -> Claim:
        rule, _ = self._world.rules[number]
        notification = notification_id(rule, episode_id(rule, run_id, event_hash), FIRED, 1, recipient)
        return Claim(
            notification=notification,
            rule=rule,
            rule_version=self._in_force[rule],
            trigger=position,
            kind=FIRED,
            sequence=1,
            recipient=recipient,
            attempt=1,
        )

    def _loose(self, moment: int, event: Event, first: Claim) -> Loose:
        name = str(uuid5(UUID(self._world.control_id), f"{first.notification}:{event.name}"))
        return Loose(moment, self._stream, SERVER, name, event)
