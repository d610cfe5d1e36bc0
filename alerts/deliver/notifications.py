"""All notifications that are not at their end: a fold over intents, claims and settlements."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from heapq import heappop, heappush

from alerts.deliver.erased import why_untold
from alerts.deliver.figures import Figures
from alerts.deliver.notification import ENDS, Notification, State, claimed, intended, settled, suppressed
from alerts.deliver.overdue import Overdue
from alerts.evaluate.intent import Intent
from alerts.rules.suppressing import suppresses
from ledger.feed import FeedEvent
from ledger.store.fold import Head
from schemas.events import (
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    Claim,
    NotificationsClaimedEvent,
    NotificationsDueEvent,
    NotificationsSettledEvent,
    Outcome,
    PersonalDataErasedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    SilenceCreatedEvent,
)

_SUPPRESSING = (
    AlertRuleDeletedEvent
    | AlertRuleDisabledEvent
    | PersonalDataErasedEvent
    | RecipientSuppressedEvent
    | RecipientUnsubscribedEvent
    | SilenceCreatedEvent
)
TYPES = frozenset(
    name
    for kind in (NotificationsClaimedEvent, NotificationsDueEvent, NotificationsSettledEvent)
    for name in kind.type_names()
)
"""The types of the events of its own stream."""

_LONGEST_LEASE = 24 * 3_600.0


class Notifications:
    """The open notifications, the head of their stream, and the order in which they are due.

    Each recipient has a line of its own, so that looking for what is due passes over nobody.
    """

    def __init__(self, stream: str) -> None:
        """Begin before the first event; `stream` is the one of claims and settlements."""
        self.head: Head | None = None
        self.position = 0
        self.ended: Counter[State] = Counter()
        self.figures = Figures()
        self._stream = stream
        self._overdue = Overdue()
        self._open: dict[str, Notification] = {}
        self._claimed: dict[str, None] = {}
        self._suppressed: dict[str, None] = {}
        self._lines: dict[tuple[str, str], list[tuple[int, int, str]]] = {}

    def fold(self, happened: FeedEvent, intents: Iterable[Intent]) -> None:
        """Take in the next event and the intents that it caused; it never raises."""
        self.position = happened.position
        for intent in intents:
            self._keep(intended(intent))
        if isinstance(happened.event, _SUPPRESSING):
            self._suppress(happened)
        if happened.envelope.stream == self._stream:
            self.head = Head(happened.envelope.seq, happened.hash)
            self._fold_own(happened)

    def get(self, notification_id: str) -> Notification | None:
        """An open notification."""
        return self._open.get(notification_id)

    def claimed(self) -> Sequence[Notification]:
        """Those that a server has claimed, suppressed or not."""
        return [self._open[each] for each in self._claimed]

    def suppressed(self) -> Sequence[Notification]:
        """Those that are suppressed, under way since before or not."""
        return [self._open[each] for each in self._suppressed]

    def due(self, now: int, count: int, channel: str | None = None) -> Iterator[list[Notification]]:
        """For each recipient, of one channel or of all, up to `count` that are due, the longest due first.

        What nobody claimed yet is due by being there: the log's clock, which says since when, may be ahead of ours.
        """
        for line in list(self._lines):
            if channel not in {None, line[0]}:
                continue
            found = self._due_of(self._lines[line], now, count)
            if not self._lines[line]:
                del self._lines[line]
            if found:
                yield found

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Notification]:
        return iter(self._open.values())

    def _fold_own(self, happened: FeedEvent) -> None:
        match happened.event:
            case NotificationsClaimedEvent() as event:
                until = happened.recorded_at + int(min(event.lease_seconds, _LONGEST_LEASE) * 1_000)
                for claim in event.notifications:
                    if claim.notification in self._open:
                        self._claim(claim, event.server, until)
            case NotificationsSettledEvent() as event:
                known = [outcome for outcome in event.outcomes if outcome.notification in self._open]
                overdue = [self._open[each.notification] for each in known if each.digested]
                for outcome in known:
                    if outcome.notification in self._open:
                        self._settle(outcome, happened.recorded_at)
                self._digest(overdue, happened)
            case _:
                pass

    def _claim(self, claim: Claim, server: str, until: int) -> None:
        before = self._open[claim.notification]
        lapsed = before.state is State.CLAIMED and before.attempt != claim.attempt
        self._overdue.claim(before.intent, lapsed=lapsed)
        self._keep(claimed(before, claim, server, until))

    def _digest(self, overdue: Iterable[Notification], happened: FeedEvent) -> None:
        """What was given up since nobody could send it is told together; what was silenced meanwhile is not."""
        wanted = [each.intent for each in overdue if not each.suppressed and each.id not in self._open]
        for intent in self._overdue.add(wanted, happened.hash, happened.recorded_at):
            known = self._open.get(intent.id)
            self._keep(replace(known or intended(intent), intent=intent, is_patient=True))

    def _settle(self, outcome: Outcome, at: int) -> None:
        before = self._open[outcome.notification]
        notification = settled(before, outcome, at)
        if notification is not before:
            self._overdue.settle(before.intent, reached=notification.heard_at is not None or notification.state in ENDS)
        self._keep(notification)
        if notification.state in ENDS:
            self.figures.ended(notification, at)
        else:
            self.figures.failed(notification, outcome.outcome)

    def _suppress(self, happened: FeedEvent) -> None:
        for notification in list(self._open.values()):
            why = notification.intent.suppressed_by(partial(suppresses, happened)) or why_untold(notification, happened)
            if why:
                self._overdue.close(notification.intent)
                self._keep(suppressed(notification, why))

    def _keep(self, notification: Notification) -> None:
        before = self._open.get(notification.id)
        for index in (self._claimed, self._suppressed):
            index.pop(notification.id, None)
        if notification.state in ENDS:
            self._open.pop(notification.id, None)
            self.ended[notification.state] += 1
            return
        self._open[notification.id] = notification
        if notification.state is State.CLAIMED:
            self._claimed[notification.id] = None
        if notification.suppressed:
            self._suppressed[notification.id] = None
        if before is None or before.due_at != notification.due_at:
            intent = notification.intent
            line = self._lines.setdefault((intent.channel, intent.recipient), [])
            heappush(line, (notification.due_at, intent.trigger, notification.id))

    def _due_of(self, line: list[tuple[int, int, str]], now: int, count: int) -> list[Notification]:
        found: dict[str, Notification] = {}
        taken: list[tuple[int, int, str]] = []
        while line and len(found) < count:
            due_at, _, notification_id = line[0]
            notification = self._open.get(notification_id)
            if notification is None or notification.due_at != due_at or notification_id in found:
                heappop(line)  # it has moved since
            elif due_at > now and notification.attempt:
                break
            else:
                found[notification_id] = notification
                taken.append(heappop(line))
        for each in taken:
            heappush(line, each)
        return list(found.values())
