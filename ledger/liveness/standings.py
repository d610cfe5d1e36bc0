"""Where runs stand, from their streams in ledger.db."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from ledger.application.mapper import occurred_at
from ledger.store.database import Database, Recorded
from schemas.events import RunResumedEvent, RunStartedEvent, RunStatusChangedEvent
from schemas.limits import UNSTORABLE
from schemas.registry import decode
from schemas.statuses import RunStatus
from schemas.streams import run_stream

_REMEMBERED = 100_000
_TYPES = frozenset(
    name for each in (RunStartedEvent, RunStatusChangedEvent, RunResumedEvent) for name in each.type_names()
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of a run, the one that it left, and the position of the change.

    `begun_by` is the command that began its present attempt; `presumed` is as in the event.
    `started_at` is when that attempt began to run, None if it has not.
    """

    status: RunStatus = RunStatus.NOT_STARTED
    previous: RunStatus | None = None
    since: int = 0
    begun_by: str | None = None
    presumed: bool = False
    started_at: datetime | None = field(default=None, compare=False)

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
        if UNSTORABLE.search(run_id):
            return None
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
                standing = _running(standing, found)
            case RunStatusChangedEvent() as event:
                changed = replace(standing, status=event.status, previous=event.previous, since=found.place)
                standing = _running(replace(changed, presumed=event.presumed), found)
            case RunResumedEvent() as event:
                standing = Standing(RunStatus.RUNNING, event.previous, found.place, event.command)
                standing = _running(standing, found)
            case _:
                pass
    return standing


def _running(standing: Standing, found: Recorded) -> Standing:
    """The same, with the time of this event if it is the first by which the attempt runs."""
    if standing.status is not RunStatus.RUNNING or standing.started_at is not None:
        return standing
    return replace(standing, started_at=occurred_at(found.envelope.time, found.recorded_at))
