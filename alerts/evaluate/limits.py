"""At most so many mails to a recipient, whatever rules they are of: what is over it is told in one digest."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from alerts.evaluate.bundle import NAMED, Bundle
from alerts.evaluate.firing import Firing, episode_of
from alerts.evaluate.intent import DIGEST, Intent
from alerts.evaluate.timers import Timers
from alerts.rules.in_force import Rule
from ledger.feed import FeedEvent
from schemas.addresses import EVERYBODY, same_address
from schemas.events import RecipientLimitedEvent, readable
from schemas.rules import RuleDefinition, Templates
from schemas.severities import SEVERITIES

LIMITED = "limited"

_SECOND = 1_000


@dataclass(frozen=True, slots=True)
class LimitPlace:
    """The digest of one recipient, by `same_address`."""

    whom: str


@dataclass(slots=True)
class _Waiting:
    """What waits for one recipient, by rule, so that a rule out of force takes its own away."""

    recipient: str
    episode: str
    of: dict[str, tuple[Rule, RuleDefinition, Bundle]] = field(default_factory=dict)


class Limits:
    """The limits that recipients have, the moments of their last mails, and what waits for room."""

    def __init__(self, timers: Timers) -> None:
        """Nobody has a limit."""
        self._timers = timers
        self._limits: dict[str, tuple[int, int]] = {}
        self._told: dict[str, deque[int]] = {}
        self._waiting: dict[str, _Waiting] = {}

    def fold(self, happened: FeedEvent) -> None:
        """Take in an event of any kind; it never raises."""
        event = happened.event
        if not isinstance(event, RecipientLimitedEvent):
            return
        whom = same_address(readable(event.recipient) or "")
        if event.mails and event.seconds:
            self._limits[whom] = event.mails, event.seconds * _SECOND
        else:
            self._limits.pop(whom, None)
        for each in self._waiting if whom == EVERYBODY else self._waiting.keys() & {whom}:
            self._timers.set(LimitPlace(each), self._room_at(each, happened.recorded_at))

    def take(self, recipient: str, at: int) -> bool:
        """Whether a mail may be told at a moment; it is counted then."""
        if not self._limits:
            return True
        whom = same_address(recipient)
        if self._limit(whom) is None:
            return True
        if whom in self._waiting or self._room_at(whom, at) > at:
            return False
        self._told.setdefault(whom, deque()).append(at)
        return True

    def hold(self, rule: Rule, definition: RuleDefinition, intent: Intent, bundle: Bundle) -> str:
        """Let a mail that finds no room wait; the answer is the episode of the digest."""
        recipient, at = intent.recipient, intent.subject.at
        whom = same_address(recipient)
        waiting = self._waiting.get(whom)
        if waiting is None:
            episode = episode_of("", f"{DIGEST} {LIMITED}", (), recipient, intent.id.encode())
            waiting = self._waiting[whom] = _Waiting(recipient, episode)
            self._timers.set(LimitPlace(whom), self._room_at(whom, at))
        _, _, before = waiting.of.get(rule.id, (rule, definition, None))
        if before is not None:
            before.merge(bundle)
        waiting.of[rule.id] = rule, definition, before or bundle.copy()
        return waiting.episode

    def due(self, place: LimitPlace, at: int) -> Firing:
        """What waited for a recipient, at the moment at which there is room."""
        waiting = self._waiting.pop(place.whom)
        bundle = Bundle.of(each for _, _, each in waiting.of.values())
        told = bundle.last if bundle.count <= NAMED else bundle.first[0]
        rule, definition, _ = waiting.of[told.subject.rule]
        several = len(waiting.of) > 1
        names = tuple((rule.id, definition.name) for rule, definition, _ in waiting.of.values())
        return Firing(
            rule=rule,
            definition=_of_several(definition, waiting) if several else definition,
            recipient=waiting.recipient,
            kind=DIGEST,
            sequence=1,
            episode=waiting.episode,
            at=at,
            bundle=bundle,
            rules=names if several else (),
        )

    def waiting(self) -> Iterator[tuple[str, str, Bundle]]:
        """What waits, by rule and recipient."""
        for waiting in self._waiting.values():
            for rule_id, (_, _, bundle) in waiting.of.items():
                yield rule_id, waiting.recipient, bundle

    def drop(self, rule_id: str) -> None:
        """Forget what waits because of a rule: it is out of force."""
        for whom, waiting in list(self._waiting.items()):
            waiting.of.pop(rule_id, None)
            if not waiting.of:
                self._timers.cancel(LimitPlace(whom))
                del self._waiting[whom]

    def _limit(self, whom: str) -> tuple[int, int] | None:
        return self._limits.get(whom) or self._limits.get(EVERYBODY)

    def _room_at(self, whom: str, at: int) -> int:
        """When another mail may be told: `at` itself if there is room."""
        limit = self._limit(whom)
        if limit is None:
            return at
        mails, span = limit
        told = self._told.get(whom, deque())
        while told and told[0] <= at - span:
            told.popleft()
        return at if len(told) < mails else told[len(told) - mails] + span


def _of_several(definition: RuleDefinition, waiting: _Waiting) -> RuleDefinition:
    """What is said of things that several rules noticed: what none of them says alone."""
    loud = [each.severity for _, each, _ in waiting.of.values() if each.severity is not None]
    severity = max(loud, key=SEVERITIES.index) if loud else None
    return definition.model_copy(update={"on": None, "severity": severity, "templates": Templates()})
