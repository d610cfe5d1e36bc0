"""ledger.db and its log as an eventsourcing recorder: one code path for both modes."""

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
    Subscription,
)

from ledger.application.mapper import envelope_of, state_of
from ledger.errors import LostRaceError
from ledger.logs.log import Log, chain
from ledger.store.database import Database, Recorded

_POLL_SECONDS = 0.02
_NO_LIMIT = (1 << 62) - 1


class LedgerRecorder(ApplicationRecorder):
    """Appends through the log, reads from ledger.db; a notification id is a position."""

    def __init__(self, log: Log, database: Database) -> None:
        """Record into `log`, whose accepted events appear in `database`."""
        self.log = log
        self.database = database

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int] | None:
        """Append events of one stream; IntegrityError when another event took the place."""
        if not stored_events:
            return None
        envelopes = [envelope_of(event) for event in stored_events]
        if len({envelope.stream for envelope in envelopes}) > 1:
            raise ValueError("one append is the events of one stream")
        try:
            return self.log.append(chain(self.log.id, envelopes))
        except LostRaceError as error:
            raise IntegrityError(str(error)) from error

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Accepted events of a stream."""
        found = self.database.stream_events(
            str(originator_id), after_seq=gt, upto_seq=lte, descending=desc, limit=limit
        )
        return [_stored(event) for event in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """Accepted events in the order of their positions."""
        behind = (start or 0) - (1 if inclusive_of_start and start else 0)
        found = self.database.events_after(behind, limit=limit, upto=_NO_LIMIT if stop is None else stop, types=topics)
        return [_notification(event) for event in found]

    def max_notification_id(self) -> int | None:
        """The position of the last accepted event."""
        return self.database.last_place()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "PollingSubscription":
        """Accepted events from behind a position on, those of other processes too."""
        return PollingSubscription(self, gt, topics)


class PollingSubscription(Subscription[LedgerRecorder]):
    """Asks the file again while nothing is new: no thread, and right across processes."""

    def __init__(self, recorder: LedgerRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        """Begin behind position `gt`."""
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._found: list[Notification] = []
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the iteration, from any thread."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        """The next accepted event; waits for it."""
        while not self._stopped.is_set():
            if not self._found:
                self._found = self._recorder.select_notifications(
                    self._last_notification_id, 500, topics=self._topics, inclusive_of_start=False
                )[::-1]
            if self._found:
                notification = self._found.pop()
                self._last_notification_id = notification.id
                return notification
            self._stopped.wait(_POLL_SECONDS)
        raise StopIteration


def _stored(event: Recorded) -> StoredEvent:
    envelope = event.envelope
    return StoredEvent(envelope.stream, envelope.seq, envelope.type, state_of(event))


def _notification(event: Recorded) -> Notification:
    envelope = event.envelope
    return Notification(envelope.stream, envelope.seq, envelope.type, state_of(event), event.place)
