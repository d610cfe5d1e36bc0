"""The alert service: reads the log as it grows, claims what is due, sends it, and settles it.

A mail is sent only by a server that has folded its own claim of it from the log, so everything that
matters lies there, and a kill can come anywhere (the names are those given to `at`):

- `passing`, `passed`: that time has passed is in the log or not; what was due is found either way.
- `folded`: nothing was decided; the same intents are found again.
- `claiming`: nothing is stored; the same.
- `claimed`, `composed`, `sending`: a claim is in the log and nothing was sent, or it is not known what
  was. When the lease is over, or this server is known to be gone, another claims it again. What the
  relay had taken by then comes twice with one Message-ID, at most once for each connection.
- `sent`, `settling`: the relay has it and the log does not say so: as before.
- `settled`: done; the fold from the log's beginning finds it so.

What came of mails and what is claimed next are one append, all or none, so what is claimed and not
settled is never more than the connections. What is to be claimed is composed meanwhile: that alone does nothing.

A rival's claim voids ours, since both name the same head: the loser folds on and decides again.
What suppresses a notification counts if it was accepted before its claim, whoever knew of it when.
What came behind the claim of a server that is gone ends as suppressed, taken by the relay or not.
Clocks are supposed to agree within a lease: where they do not, a mail that is under way may be sent
by another server too, under the same Message-ID; nothing is lost.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from alerts.deliver.clock import LogClock
from alerts.deliver.composing import Compose, Composed, Composing
from alerts.deliver.figures import Backlog
from alerts.deliver.lane import Lane
from alerts.deliver.notification import Notification
from alerts.deliver.notifications import TYPES, Notifications
from alerts.deliver.outcomes import given_up, suppressed
from alerts.deliver.policy import Gone, kept_back, next_claims, overdue, to_renew
from alerts.deliver.under_way import Sending, UnderWay
from alerts.evaluate.evaluator import READ, Evaluator
from alerts.evaluate.facts import Place
from alerts.evaluate.runs import FeedRunEvents, RecentRunEvents
from ledger.errors import LostRaceError, UnavailableError
from ledger.feed import Feed
from ledger.notifications import NotificationStream, OwnEvent
from schemas.events import (
    Claim,
    NotificationsClaimedEvent,
    NotificationsDueEvent,
    NotificationsSettledEvent,
    Outcome,
)

LEASE_SECONDS = 60.0
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0

_EVENTS_AT_ONCE = 500
_READ = READ | TYPES
_OUTCOMES_AT_ONCE = 500
_LOOKED_AT = 50
_LOOK_MILLISECONDS = 1_000
_PAUSE_SECONDS = 1.0
_GATHER_SECONDS = 0.003
_OTHERS = 50

_log = logging.getLogger(__name__)


def _nothing(_: str) -> None:
    """Where no test wants to know."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Who sends and from where; `server` is a name that no other process has or will have.

    `now` is in epoch milliseconds; `gone` tells whether a server is known to have ended; `at` is
    called with the name of each point that was reached.
    """

    server: str
    place: Place
    now: Callable[[], int]
    gone: Gone = field(default=lambda _: False)
    lease_seconds: float = LEASE_SECONDS
    poll_seconds: float = POLL_SECONDS
    grace_seconds: float = GRACE_SECONDS
    at: Callable[[str], None] = _nothing


@dataclass(frozen=True, slots=True)
class _Decision:
    """What is to be appended, all or none: what came of mails, and which are sent next.

    `told` is how many of the outcomes that wait are in it.
    """

    outcomes: Sequence[Outcome] = ()
    told: int = 0
    wanted: Sequence[Notification] = ()
    renewed: Sequence[Sending] = ()
    due: int | None = None


class AlertService:
    """One coroutine drives it; what blocks runs in threads, one at a time, and sends run beside it."""

    def __init__(
        self, feed: Feed, stream: NotificationStream, lanes: Mapping[str, Lane], compose: Compose, settings: Settings
    ) -> None:
        """Begin before the first event of `feed`; the channels belong to who opened them.

        `lanes` are by the name of their channel; what goes by others is left to servers that have them.
        """
        self._runs = RecentRunEvents(FeedRunEvents(feed))
        self.evaluator = Evaluator(self._runs)
        self.notifications = Notifications(stream.name)
        self._clock = LogClock()
        self.lanes = lanes
        self.backlog = Backlog()
        self._feed = feed
        self._stream = stream
        self._composing = Composing(compose, self._runs, settings.place)
        self._settings = settings
        self._under_way = UnderWay(lanes, settings.now, settings.at)
        self._appended = 0
        self._folded = False
        self._look_at = 0
        self._looks_at_backlog = 0
        self._folding = threading.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish or break off what is under way."""
        ending = asyncio.create_task(stop.wait())
        ending.add_done_callback(lambda _: self._under_way.changed.set())
        try:
            while not stop.is_set():
                if not await self._turn_or_pause():
                    await self._wait()
        finally:
            ending.cancel()
            await self._finish()

    async def run_once(self, seconds: float) -> bool:
        """Send what is due, and what becomes due meanwhile, for about `seconds`; whether all of it is done.

        Raises:
            UnavailableError: the log cannot be read.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        try:
            await asyncio.to_thread(self._stream.catch_up)
            while clock() < deadline:
                if await self._turn_or_pause():
                    continue
                if not (self._under_way or self._is_due() or self._time_is_due()):
                    return True
                await self._wait()
        finally:
            await self._finish()
        return False

    async def _turn_or_pause(self) -> bool:
        try:
            try:
                return await self._turn()
            except LostRaceError:
                await asyncio.to_thread(self._stream.catch_up)
                return True
        except UnavailableError as error:
            _log.warning("notifications wait, the log cannot be used: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)
            return False

    async def _turn(self) -> bool:
        """Append what is decided, read on, start sending what is ours; whether there is more to do at once.

        What is claimed next is composed meanwhile: while the disk writes, the processor is free.
        """
        decision = self._decide()
        composing = asyncio.create_task(self._composed([*self._ours(), *decision.wanted]))
        try:
            appended, read = await asyncio.to_thread(self._advance, decision)
        finally:
            composed = await composing
        del self._under_way.outcomes[: decision.told]
        ours = self._ours()
        # A digest may have grown since: then it is composed again.
        ready = [(each, made[1]) for each in ours if (made := composed.get(each.id)) and made[0] is each.intent]
        for notification, mail in ready:
            self._under_way.begin(notification, mail)
        return read > appended or len(ready) < len(ours)

    async def _composed(self, wanted: Sequence[Notification]) -> Mapping[str, Composed]:
        return await asyncio.to_thread(self._composing.each, wanted, self._settings.at) if wanted else {}

    def _decide(self) -> _Decision:
        """What came of mails, and what to send next: never is more claimed and not settled than connections are."""
        if not self._folded or self.notifications.position < self._appended:
            return _Decision()  # what was appended last decides what is to be done next
        now = self._settings.now()
        outcomes = list(self._under_way.outcomes)
        told = len(outcomes)
        outcomes += [suppressed(each) for each in self._kept_back(now)]
        outcomes += [given_up(each) for each in self._given_up(now) if not each.suppressed]
        settling = frozenset(outcome.notification for outcome in outcomes)
        held = self._held(settling)
        # A digest of what is given up here may grow, and is not to be claimed as it was before.
        lanes = () if any(outcome.digested for outcome in outcomes) else self.lanes
        wanted = [each for name in lanes for each in self._wanted(name, now, settling, held[name])]
        renewed = [self._under_way.sending[each] for each in self._to_renew(now)]
        due = None if outcomes or wanted or renewed or not self._time_is_due() else self.evaluator.next_due
        return _Decision(outcomes, told, wanted, renewed, due)

    def _advance(self, decision: _Decision) -> tuple[int, int]:
        """What blocks of a turn: how many events were appended, and how many there were to read."""
        with self._folding:
            appended = self._append(decision)
            read = self._read_on()
        self._settings.at("folded")
        return appended, read

    def _append(self, decision: _Decision) -> int:
        """Append what was decided, if anything was; how many events that made."""
        events: list[OwnEvent] = []
        points: list[tuple[str, str]] = []
        if decision.outcomes:
            events.append(NotificationsSettledEvent(outcomes=list(decision.outcomes)))
            points.append(("settling", "settled"))
        if decision.wanted or decision.renewed:
            events.append(self._claim(decision))
            points.append(("claiming", "claimed"))
        if decision.due is not None:
            # Servers that say so at once lose the race but one, and what is told follows from what is accepted.
            events.append(NotificationsDueEvent(server=self._settings.server, until=decision.due))
            points.append(("passing", "passed"))
            self._clock = self._clock.asked(self._settings.now(), decision.due)
        if not events:
            return 0
        for before, _ in points:
            self._settings.at(before)
        self._folded = False
        self._appended = self._stream.append(events, self.notifications.head)
        for _, after in points:
            self._settings.at(after)
        now = self._settings.now()
        for name, count in Counter(each.intent.channel for each in decision.wanted).items():
            self.lanes[name].took(now, count)
        for each in decision.renewed:
            each.since = now
        return len(events)

    def _claim(self, decision: _Decision) -> NotificationsClaimedEvent:
        claims = [_claim_of(each, each.attempt + 1) for each in decision.wanted]
        claims += [_claim_of(each.notification, each.notification.attempt) for each in decision.renewed]
        server, lease = self._settings.server, self._settings.lease_seconds
        return NotificationsClaimedEvent(server=server, lease_seconds=lease, notifications=claims)

    def _read_on(self) -> int:
        """Fold what is new; how many events that was."""
        read = 0
        while events := self._feed.skimmed(self.notifications.position, _EVENTS_AT_ONCE, _READ):
            self._clock = self._clock.read(events[-1].recorded_at)
            for happened in events:
                self._runs.fold(happened)
                self.notifications.fold(happened, self.evaluator.fold(happened))
            read += len(events)
        self._folded = True
        self._look_at_backlog(self._settings.now())
        return read

    def _look_at_backlog(self, now: int) -> None:
        """Once a second: to look at all that is open takes its time."""
        if now >= self._looks_at_backlog:
            self._looks_at_backlog = now + _LOOK_MILLISECONDS
            self.backlog = Backlog.of(self.notifications, now)

    def _ours(self) -> list[Notification]:
        """What the log says is ours to send and is not under way, by its word and not by the clock.

        What a lost answer of the log left claimed is among it; a lease only keeps others away.
        """
        under_way = self._under_way.ids()
        return [
            each
            for each in self.notifications.claimed()
            if each.server == self._settings.server
            and each.id not in under_way
            and each.may_be_sent
            and each.intent.channel in self.lanes
        ]

    def _kept_back(self, now: int) -> list[Notification]:
        sending = self._under_way.ids()
        return kept_back(self.notifications, now, _OUTCOMES_AT_ONCE, sending=sending, gone=self._settings.gone)

    def _given_up(self, now: int) -> list[Notification]:
        """What is too old; looked for once a second, for it is hours before it is."""
        if now < self._look_at:
            return []
        if not overdue(self.notifications, now, _LOOKED_AT):
            self._look_at = now + _LOOK_MILLISECONDS
            return []
        # There may be more: it is looked at again at once.
        return overdue(self.notifications, now, _OUTCOMES_AT_ONCE)

    def _time_is_due(self) -> bool:
        """Whether to say in a quiet log that time has passed; the log's own clock decides whether it has."""
        due = self.evaluator.next_due
        return due is not None and self._clock.shows(due, self._settings.now())

    def _held(self, settling: frozenset[str]) -> Counter[str]:
        """How many are this server's by channel, begun or not, when those are settled."""
        claimed = [each for each in self.notifications.claimed() if each.server == self._settings.server]
        sending = [each.notification for each in self._under_way.sending.values()]
        channels = {each.id: each.intent.channel for each in (*claimed, *sending) if each.id not in settling}
        return Counter(channels.values())

    def _wanted(self, name: str, now: int, settling: frozenset[str], held: int) -> list[Notification]:
        """What to claim next for a channel, when those are settled."""
        lane = self.lanes[name]
        return next_claims(
            self.notifications,
            now,
            channel=name,
            free=lane.free(now, held),
            connections=lane.channel.connections,
            sending=self._under_way.sending.keys(),
            settling=settling,
            gone=self._settings.gone,
        )

    def _to_renew(self, now: int) -> list[str]:
        """What is under way, still ours, and would soon be another's."""
        held = {each.id: each.attempt for each in self.notifications.claimed() if each.server == self._settings.server}
        since = {
            each: sending.since
            for each, sending in self._under_way.sending.items()
            if held.get(each) == sending.notification.attempt
        }
        return to_renew(since, now, self._settings.lease_seconds)

    def _is_due(self) -> bool:
        """Whether a notification could be claimed now, by this server."""
        now = self._settings.now()
        return any(
            next_claims(self.notifications, now, channel=name, free=1, connections=1, gone=self._settings.gone)
            for name in self.lanes
        )

    async def _wait(self) -> None:
        """Until something came of a mail, and of those sent with it what comes in a moment: one append tells of all."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds):
                await self._under_way.changed.wait()
            await self._under_way.idle(_GATHER_SECONDS)
        self._under_way.changed.clear()

    async def _finish(self) -> None:
        """Give what is under way its time, break off the rest, and settle all of it if the log allows."""
        await self._under_way.finish(self._settings.grace_seconds)
        for _ in range(10):
            outcomes = list(self._under_way.outcomes)
            if not outcomes:
                return
            try:
                await asyncio.to_thread(self._settle_last, outcomes)
                del self._under_way.outcomes[: len(outcomes)]
            except LostRaceError:
                continue
            except UnavailableError as error:
                _log.warning("%d outcomes are not in the log: %s", len(outcomes), error)
                return

    def _settle_last(self, outcomes: Sequence[Outcome]) -> None:
        with self._folding:
            self._read_on()
            self._append(_Decision(outcomes))


def _claim_of(notification: Notification, attempt: int) -> Claim:
    intent = notification.intent
    return Claim(
        notification=intent.id,
        rule=intent.rule,
        rule_version=intent.rule_version,
        trigger=intent.trigger,
        kind=intent.kind,
        sequence=intent.sequence,
        channel=intent.channel,
        recipient=intent.recipient,
        attempt=attempt,
        others=[rule for rule, _ in intent.rules if rule != intent.rule][:_OTHERS] or None,
    )
