"""Which runs somebody wants to be canceled, from their streams."""

from collections.abc import Iterable
from threading import Lock

from ledger.store.database import Database
from schemas.events import RunStatusChangedEvent
from schemas.registry import decode
from schemas.statuses import RunStatus
from schemas.streams import run_stream

_REMEMBERED = 100_000


class CancelRequests:
    """Answers from ledger.db as it is; of a stream that has not moved, nothing is read again."""

    def __init__(self, database: Database) -> None:
        """Nothing is known yet."""
        self._database = database
        self._known: dict[str, tuple[int, bool]] = {}
        self._lock = Lock()

    def among(self, run_ids: Iterable[str]) -> list[str]:
        """Those of the runs that are CancelRequested."""
        return [run_id for run_id in dict.fromkeys(run_ids) if self._is_requested(run_id)]

    def _is_requested(self, run_id: str) -> bool:
        stream = run_stream(run_id)
        head = self._database.head(stream)
        if head is None:
            return False
        seq, requested = self._known.get(run_id, (None, False))
        if seq != head.seq:
            requested = self._read(stream, seq, head.seq, before=requested)
            self._remember(run_id, head.seq, requested=requested)
        return requested

    def _read(self, stream: str, after: int | None, upto: int, *, before: bool) -> bool:
        requested = before
        for found in self._database.stream_events(stream, after_seq=after, upto_seq=upto):
            if found.envelope.type == RunStatusChangedEvent.type_name():
                event = decode(found.envelope.type, found.envelope.value)
                requested = isinstance(event, RunStatusChangedEvent) and event.status == RunStatus.CANCEL_REQUESTED
        return requested

    def _remember(self, run_id: str, seq: int, *, requested: bool) -> None:
        with self._lock:
            self._known.pop(run_id, None)
            self._known[run_id] = seq, requested
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
