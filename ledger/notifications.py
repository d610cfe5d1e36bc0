"""The one stream of claims, settlements and passing time, whose head is the fence between servers that send.

A server appends on the head that it has folded, never on one that it looked up: if a rival's claim
came between, the append is void, and the server folds on and decides again. The stream is never
loaded as a whole: who reads the feed anyway keeps the head from it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from ledger.application.handling import Caller
from ledger.feed import Feed, FeedEvent
from ledger.logs.genesis import rfc3339
from ledger.logs.log import Log, chain, prev_of
from ledger.privacy.subjects import told_subject
from ledger.store.database import Database
from ledger.store.fold import Head
from schemas.events import NotificationsClaimedEvent, NotificationsDueEvent, NotificationsSettledEvent, readable
from schemas.records import Envelope
from schemas.streams import notifications_stream

_REMEMBERED = 100_000

OwnEvent = NotificationsClaimedEvent | NotificationsDueEvent | NotificationsSettledEvent


class NotificationStream:
    """Appends what a server decided about notifications, if nobody decided anything since."""

    def __init__(self, log: Log, database: Database, caller: Caller, *, now: Callable[[], datetime]) -> None:
        """Append to the control log, whose accepted events appear in `database`."""
        self.name = notifications_stream(log.id)
        self._log = log
        self._feed = Feed(log.id, database)
        self._database = database
        self._caller = caller
        self._now = now
        self._told: dict[str, str] = {}
        """To whom the notifications went that were claimed here lately: what is said of them is theirs."""

    def head(self) -> Head | None:
        """The last accepted event that ledger.db has; None before the first."""
        with self._database.clear_errors():
            return self._database.head(self.name)

    def after(self, seq: int) -> Sequence[FeedEvent]:
        """What was accepted behind a number; 0 for all."""
        return self._feed.of_stream(self.name, after_seq=seq)

    def catch_up(self) -> None:
        """Return when all that was in the log at the call can be read; raises UnavailableError."""
        self._log.catch_up()

    def append(self, events: Sequence[OwnEvent], head: Head | None) -> int:
        """Append events that were decided together on `head`, all or none, and answer with the last one's position.

        Raises:
            LostRaceError: another event follows that head; fold on and decide again.
            UnavailableError: nothing was stored; `UnknownOutcomeError` when it is in doubt.
        """
        first = head.seq + 1 if head else 1
        envelopes = [self._envelope(event, first + index, head) for index, event in enumerate(events)]
        return self._log.append(chain(self._log.id, envelopes))[-1]

    def _envelope(self, event: OwnEvent, seq: int, head: Head | None) -> Envelope:
        if isinstance(event, NotificationsClaimedEvent):
            self._remember(event)
        value = self._database.cipher.value_of(self.name, seq, event, self._told)
        return Envelope(
            stream=self.name,
            seq=seq,
            prev=prev_of(head),
            id=str(uuid5(UUID(self._log.id), f"{self._caller.source}:{seq}:{value.decode()}")),
            source=self._caller.source,
            type=event.type_name(),
            time=rfc3339(self._now()),
            actor=self._caller.actor,
            value=value,
        )

    def _remember(self, event: NotificationsClaimedEvent) -> None:
        if len(self._told) > _REMEMBERED:
            self._told = {}
        for claim in event.notifications:
            self._told[claim.notification] = told_subject(self._log.id, readable(claim.recipient))
