"""The metrics of a run as they were: what was recorded by a time, folded into tables of their own in memory."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from ledger.store.database import Database, Recorded
from projections.connection import Connection
from projections.metrics import tables
from projections.metrics.folding import Fold
from projections.sqlite.connection import in_memory
from schemas.events import RunLoggedEvent
from schemas.streams import VALUES, values_streams

_RUN = 1
_AT_ONCE = 64


@contextmanager
def tables_as_of(database: Database, run_id: str, milliseconds: int) -> Iterator[Connection]:
    """The tables of metrics with one run in them, as they were when the values log had got so far.

    Each record of the values log has its own time of record, which never goes back along its partition,
    and a run lies in one partition: so this is what the view had then.
    """
    with database.clear_errors():
        streams = list(database.heads_of(values_streams(run_id)))
        found = [each for stream in streams for each in database.stream_events(stream, log=VALUES)]
    found = sorted((each for each in found if each.recorded_at <= milliseconds), key=lambda each: each.place)
    with closing(in_memory()) as memory:
        for statement in tables.SCHEMA.split(";"):
            memory.execute(statement)
        memory.execute("INSERT INTO metric_runs (run, run_id) VALUES (?, ?)", (_RUN, run_id))
        numbers: dict[str, int] = {}
        for start in range(0, len(found), _AT_ONCE):
            _fold(database, Fold(memory, _RUN), found[start : start + _AT_ONCE], numbers)
        yield memory


def _fold(database: Database, fold: Fold, found: Sequence[Recorded], numbers: dict[str, int]) -> None:
    for each in found:
        number = numbers.setdefault(each.envelope.stream, len(numbers) + 1)
        event = database.event(each.envelope)
        if isinstance(event, RunLoggedEvent):
            fold.take(number, event)
    fold.write()
