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

from alerts.channels.channel import Ambiguous, Mail, Retry
from alerts.channels.channel import Outcome as Came
from alerts.deliver.clock import LogClock
from alerts.deliver.figures import Backlog
from alerts.deliver.lane import Lane
from alerts.deliver.notification import Notification
from alerts.deliver.notifications import TYPES, Notifications
from alerts.deliver.outcomes import given_up, settlement, suppressed
from alerts.deliver.policy import Gone, kept_back, next_claims, overdue, to_renew
from alerts.evaluate.evaluator import READ, Evaluator
from alerts.evaluate.facts import Place, facts_at
from alerts.evaluate.intent import Intent
from alerts.evaluate.runs import FeedRunEvents
from alerts.facts import Facts
from ledger.errors import LostRaceError, UnavailableError
from ledger.feed import Feed
from ledger.notifications import NotificationStream
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
_OTHERS = 50

_log = logging.getLogger(__name__)

Compose = Callable[[Intent, Facts], Mail]


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


@dataclass(slots=True)
class _Sending:
    """A mail under way; its lease runs since then, by our own clock."""

    notification: Notification
    task: asyncio.Task[None]
    since: int


class AlertService:
    """One coroutine drives it; what blocks runs in threads, one at a time, and sends run beside it."""

    def __init__(
        self, feed: Feed, stream: NotificationStream, lanes: Mapping[str, Lane], compose: Compose, settings: Settings
    ) -> None:
        """Begin before the first event of `feed`; the channels belong to who opened them.

        `lanes` are by the name of their channel; what goes by others is left to servers that have them.
        """
        self._runs = FeedRunEvents(feed)
        self.evaluator = Evaluator(self._runs)
        self.notifications = Notifications(stream.name)
        self._clock = LogClock()
        self.lanes = lanes
        self.backlog = Backlog()
        self._feed = feed
        self._stream = stream
        self._compose = compose
        self._settings = settings
        self._sending: dict[str, _Sending] = {}
        self._outcomes: list[Outcome] = []
        self._appended = 0
        self._look_at = 0
        self._looks_at_backlog = 0
        self._told: tuple[tuple[object, ...], Facts] | None = None
        self._folding = threading.Lock()
        self._changed = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish or break off what is under way."""
        ending = asyncio.create_task(stop.wait())
        ending.add_done_callback(lambda _: self._changed.set())
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
                if not (self._sending or self._outcomes or self._is_due() or self._time_is_due()):
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
        """Read on, start sending what is ours, settle, claim; whether anything was done."""
        read = await asyncio.to_thread(self._read_on)
        self._settings.at("folded")
        if self.notifications.position < self._appended:
            return False  # what was appended last decides what is to be done next
        self._start_sending()
        return await self._settle() or await self._claim() or await self._pass_time() or read

    def _read_on(self) -> bool:
        with self._folding:
            position = self.notifications.position
            while events := self._feed.skimmed(self.notifications.position, _EVENTS_AT_ONCE, _READ):
                for happened in events:
                    self._clock = self._clock.read(happened.recorded_at)
                    self.notifications.fold(happened, self.evaluator.fold(happened))
            self._look_at_backlog(self._settings.now())
            return self.notifications.position > position

    def _look_at_backlog(self, now: int) -> None:
        """Once a second: to look at all that is open takes its time."""
        if now >= self._looks_at_backlog:
            self._looks_at_backlog = now + _LOOK_MILLISECONDS
            self.backlog = Backlog.of(self.notifications, now)

    async def _settle(self) -> bool:
        now = self._settings.now()
        outcomes = self._outcomes[:_OUTCOMES_AT_ONCE]
        kept = len(outcomes)
        outcomes += [suppressed(each) for each in self._kept_back(now)]
        old = self._given_up(now)
        outcomes += [given_up(each) for each in old if not each.suppressed]
        if not outcomes:
            return False
        self._settings.at("settling")
        await self._append(NotificationsSettledEvent(outcomes=outcomes))
        self._settings.at("settled")
        del self._outcomes[:kept]
        return True

    def _kept_back(self, now: int) -> list[Notification]:
        under_way = self._sending.keys() | {outcome.notification for outcome in self._outcomes}
        return kept_back(self.notifications, now, _OUTCOMES_AT_ONCE, sending=under_way, gone=self._settings.gone)

    def _given_up(self, now: int) -> list[Notification]:
        """What is too old; looked for once a second, for it is hours before it is."""
        if now < self._look_at:
            return []
        if not overdue(self.notifications, now, _LOOKED_AT):
            self._look_at = now + _LOOK_MILLISECONDS
            return []
        # There may be more: it is looked at again at once.
        return overdue(self.notifications, now, _OUTCOMES_AT_ONCE)

    async def _claim(self) -> bool:
        now, lease = self._settings.now(), self._settings.lease_seconds
        wanted = [each for name in self.lanes for each in self._wanted(name, now)]
        renewed = [self._sending[each] for each in self._to_renew(now)]
        claims = [_claim_of(each, each.attempt + 1) for each in wanted]
        claims += [_claim_of(each.notification, each.notification.attempt) for each in renewed]
        if not claims:
            return False
        self._settings.at("claiming")
        server = self._settings.server
        await self._append(NotificationsClaimedEvent(server=server, lease_seconds=lease, notifications=claims))
        self._settings.at("claimed")
        for name, count in Counter(each.intent.channel for each in wanted).items():
            self.lanes[name].took(now, count)
        for each in renewed:
            each.since = now
        return True

    async def _pass_time(self) -> bool:
        """In a quiet log, say that time has passed when something is due; the log's own clock decides whether it has.

        Servers that say so at once lose the race but one, and what is told follows from what is
        accepted. Whatever was in the log before counts, read by this server or not.
        """
        due = self.evaluator.next_due
        if due is None or not self._time_is_due():
            return False
        self._settings.at("passing")
        self._clock = self._clock.asked(self._settings.now(), due)
        await self._append(NotificationsDueEvent(server=self._settings.server, until=due))
        self._settings.at("passed")
        return True

    def _time_is_due(self) -> bool:
        due = self.evaluator.next_due
        return due is not None and self._clock.shows(due, self._settings.now())

    def _wanted(self, name: str, now: int) -> list[Notification]:
        """What to claim next for a channel."""
        lane = self.lanes[name]
        under_way = sum(each.notification.intent.channel == name for each in self._sending.values())
        return next_claims(
            self.notifications,
            now,
            channel=name,
            free=lane.free(now, under_way),
            connections=lane.channel.connections,
            sending=self._sending.keys(),
            gone=self._settings.gone,
        )

    def _to_renew(self, now: int) -> list[str]:
        """What is under way, still ours, and would soon be another's."""
        held = {each.id: each.attempt for each in self.notifications.claimed() if each.server == self._settings.server}
        since = {
            each: sending.since
            for each, sending in self._sending.items()
            if held.get(each) == sending.notification.attempt
        }
        return to_renew(since, now, self._settings.lease_seconds)

    async def _append(
        self, event: NotificationsClaimedEvent | NotificationsDueEvent | NotificationsSettledEvent
    ) -> None:
        self._appended = await asyncio.to_thread(self._stream.append, event, self.notifications.head)

    def _start_sending(self) -> None:
        """Send what the log says is ours, by its word and not by the clock.

        What a lost answer of the log left claimed is among it; a lease only keeps others away.
        """
        settling = {outcome.notification for outcome in self._outcomes}
        for each in self.notifications.claimed():
            mine = each.server == self._settings.server and each.may_be_sent and each.intent.channel in self.lanes
            if mine and each.id not in self._sending and each.id not in settling:
                task = asyncio.create_task(self._send(each))
                self._sending[each.id] = _Sending(each, task, self._settings.now())

    async def _send(self, notification: Notification) -> None:
        came: Came = Ambiguous("the server was stopped while it sent this")
        try:
            came = await self._attempt(notification)
        finally:
            self._outcomes.append(settlement(notification, came, self._settings.now()))
            self._sending.pop(notification.id, None)
            self._changed.set()

    async def _attempt(self, notification: Notification) -> Came:
        lane = self.lanes[notification.intent.channel]
        try:
            mail = await asyncio.to_thread(self._composed, notification.intent)
            self._settings.at("composed")
        except Exception as error:  # noqa: BLE001 - one notification may not stop the others
            _log.warning("notification %s cannot be composed", notification.id, exc_info=True)
            return Retry(f"it cannot be composed: {type(error).__name__}: {error}")
        try:
            self._settings.at("sending")
            came = await lane.channel.send(mail)
            self._settings.at("sent")
            lane.hear(came, self._settings.now())
        except Exception as error:  # noqa: BLE001 - one notification may not stop the others
            _log.warning("notification %s: its channel failed", notification.id, exc_info=True)
            return Ambiguous(f"the channel failed: {type(error).__name__}: {error}")
        return came

    def _composed(self, intent: Intent) -> Mail:
        return self._compose(intent, self._facts_of(intent))

    def _facts_of(self, intent: Intent) -> Facts:
        """The facts, which all recipients of a rule are told alike."""
        told = self._told
        if told is None or told[0] != intent.message:
            told = self._told = intent.message, facts_at(intent, self._runs, self._settings.place)
        return told[1]

    def _is_due(self) -> bool:
        """Whether a notification could be claimed now, by this server."""
        now = self._settings.now()
        return any(
            next_claims(self.notifications, now, channel=name, free=1, connections=1, gone=self._settings.gone)
            for name in self.lanes
        )

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _finish(self) -> None:
        """Give what is under way its time, break off the rest, and settle all of it if the log allows."""
        tasks: Sequence[asyncio.Task[None]] = [each.task for each in self._sending.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._settings.grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for _ in range(10):
            if not self._outcomes:
                return
            try:
                await asyncio.to_thread(self._read_on)
                await self._settle()
            except LostRaceError:
                continue
            except UnavailableError as error:
                _log.warning("%d outcomes are not in the log: %s", len(self._outcomes), error)
                return


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
