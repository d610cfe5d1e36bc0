"""The metrics of a run as they were: what was recorded by a time, folded into tables of their own in memory."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from ledger.store.database import Database, Recorded
from projections.connection import Connection
from projections.metrics import tables
from projections.metrics.folding import Fold
from projections.sqlite.connection import SqliteConnection, in_memory
from schemas.events import RunLoggedEvent
from schemas.streams import VALUES, values_streams

_RUN = 1
_AT_ONCE = 64


class TablesThen:
    """Tables of metrics as they were, of one run each; those that were asked for last are kept, for the same page."""

    def __init__(self, database: Database) -> None:
        """Fold the values of this ledger; threads may share it."""
        self._database = database
        self._lock = threading.Lock()
        self._made: tuple[object, ...] = ()
        self._kept: SqliteConnection | None = None

    @contextmanager
    def of(self, run_id: str, milliseconds: int) -> Iterator[Connection]:
        """The tables with one run in them, as they were when the values log had got so far.

        Each record of the values log has its own time of record, which never goes back along its partition,
        and a run lies in one partition: so this is what the view had then.
        """
        with self._database.clear_errors():
            heads = self._database.heads_of(values_streams(run_id))
        if not self._lock.acquire(blocking=False):
            # Somebody else reads what is kept.
            with closing(_made(self._database, run_id, list(heads), milliseconds)) as memory:
                yield memory
            return
        try:
            # What was does not change, but that personal text in it is erased.
            keys = self._database.cipher.changed()
            asked = (run_id, milliseconds, keys, tuple((name, head.seq) for name, head in heads.items()))
            if self._kept is None or asked != self._made:
                made = _made(self._database, run_id, list(heads), milliseconds)
                if self._kept is not None:
                    self._kept.close()
                self._kept, self._made = made, asked
            yield self._kept
        finally:
            self._lock.release()


def _made(database: Database, run_id: str, streams: Sequence[str], milliseconds: int) -> SqliteConnection:
    with database.clear_errors():
        found = [each for stream in streams for each in database.stream_events(stream, log=VALUES)]
    found = sorted((each for each in found if each.recorded_at <= milliseconds), key=lambda each: each.place)
    memory = in_memory()
    for statement in tables.SCHEMA.split(";"):
        memory.execute(statement)
    memory.execute("INSERT INTO metric_runs (run, run_id) VALUES (?, ?)", (_RUN, run_id))
    numbers: dict[str, int] = {}
    for start in range(0, len(found), _AT_ONCE):
        _fold(database, Fold(memory, _RUN), found[start : start + _AT_ONCE], numbers)
    return memory


def _fold(database: Database, fold: Fold, found: Sequence[Recorded], numbers: dict[str, int]) -> None:
    for each in found:
        number = numbers.setdefault(each.envelope.stream, len(numbers) + 1)
        event = database.event(each.envelope)
        if isinstance(event, RunLoggedEvent):
            fold.take(number, event)
    fold.write()
