"""Where runs stand, from their streams in ledger.db."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock

from ledger.store.database import Database, Recorded
from schemas.events import RunResumedEvent, RunStartedEvent, RunStatusChangedEvent
from schemas.registry import decode
from schemas.statuses import RunStatus
from schemas.streams import run_stream

_REMEMBERED = 100_000
_TYPES = frozenset(each.type_name() for each in (RunStartedEvent, RunStatusChangedEvent, RunResumedEvent))


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of a run, the one that it left, and the position of the change.

    `begun_by` is the command that began its present attempt; `presumed` is as in the event.
    """

    status: RunStatus = RunStatus.NOT_STARTED
    previous: RunStatus | None = None
    since: int = 0
    begun_by: str | None = None
    presumed: bool = False

    @property
    def shall_end(self) -> bool:
        """Whether the run is to be canceled, or is Canceled already: its process may have heard of neither."""
        return self.status in {RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED}


class Standings:
    """Answers from ledger.db as it is; of a stream that has not moved, nothing is read again."""

    def __init__(self, database: Database) -> None:
        """Nothing is known yet."""
        self._database = database
        self._known: dict[str, tuple[int, Standing]] = {}
        self._lock = Lock()

    def of(self, run_id: str) -> Standing | None:
        """Where a run stands; None for a run that is not there."""
        stream = run_stream(run_id)
        with self._database.clear_errors():
            head = self._database.head(stream)
            if head is None:
                return None
            seq, standing = self._known.get(run_id, (None, Standing()))
            if seq != head.seq:
                standing = folded(standing, self._database.stream_events(stream, after_seq=seq, upto_seq=head.seq))
                self._remember(run_id, head.seq, standing)
        return standing

    def _remember(self, run_id: str, seq: int, standing: Standing) -> None:
        with self._lock:
            self._known.pop(run_id, None)
            self._known[run_id] = seq, standing
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]


def folded(standing: Standing, events: Sequence[Recorded]) -> Standing:
    """Where a run stands after its next events."""
    for found in events:
        if found.envelope.type not in _TYPES:
            continue
        match decode(found.envelope.type, found.envelope.value):
            case RunStartedEvent() as event:
                standing = Standing(event.status, None, found.place, event.command)
            case RunStatusChangedEvent() as event:
                changed = replace(standing, status=event.status, previous=event.previous, since=found.place)
                standing = replace(changed, presumed=event.presumed)
            case RunResumedEvent() as event:
                standing = Standing(RunStatus.RUNNING, event.previous, found.place, event.command)
            case _:
                pass
    return standing
