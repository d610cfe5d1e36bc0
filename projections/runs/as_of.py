"""The list of runs as it was at a position.

A run of which nothing happened behind the position is today what it was then: it is found in the tables
of today. The others are made anew from their events up to the position, in tables of their own in
memory. Both are asked alike, and their pages are one page.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from ledger.errors import LimitExceededError
from ledger.feed import Feed
from projections.connection import Connection
from projections.runs import tables
from projections.runs.changed import Changed, There, changed_since, known_of_run, there_at
from projections.runs.conditions import COUNTED, Condition
from projections.runs.matching import Source
from projections.runs.projection import RunsProjection
from projections.sql import Sql
from projections.sqlite.connection import SqliteConnection, in_memory

CHANGED_RUNS = 50_000
"""The most runs that are made anew for an answer."""

_KEPT_RUNS = 5_000
"""Of more runs the tables are not kept."""

_AT_ONCE = 500
_SUFFIX = "_then"
_CHECKPOINT = "CREATE TABLE checkpoints AS SELECT 'runs' AS projection, 'then' AS generation, 0 AS building"


class Past:
    """Answers from several positions; what was made anew for the last one is kept, for its other pages."""

    def __init__(self, feed: Feed) -> None:
        """Make runs anew from the events of this log; threads may share it."""
        self._feed = feed
        self._lock = threading.Lock()
        self._made: tuple[int, list[Changed], object] | None = None
        self._kept: SqliteConnection | None = None

    @contextmanager
    def sources(self, connection: Connection, position: int) -> Iterator[list[Source]]:
        """Where the runs are found that were there at a position, as they were.

        Raises:
            LimitExceededError: too many of them have changed since.
        """
        there = there_at(connection, position)
        if there is None:
            yield []
            return
        changed = changed_since(connection, position, CHANGED_RUNS + 1)
        if len(changed) > CHANGED_RUNS:
            raise LimitExceededError(
                f"more than {CHANGED_RUNS:,} runs have changed since position {position}: "
                "ask for a later one, or for one run as of it"
            )
        today = Source(connection, limits=[_unchanged(connection, changed), *_limits(there)])
        if not changed:
            yield [today]
            return
        with self._tables(position, changed) as memory:
            yield [today, Source(memory)]

    @contextmanager
    def _tables(self, position: int, changed: list[Changed]) -> Iterator[Connection]:
        """Those that are kept, if they are these and nobody else reads them now, else new ones."""
        if len(changed) > _KEPT_RUNS or not self._lock.acquire(blocking=False):
            with closing(_made(self._feed, position, changed)) as memory:
                yield memory
            return
        try:
            # Events do not change, but that text is erased: of one position and the same runs the tables are the same.
            wanted = (position, changed, self._feed.keys_changed())
            if self._kept is None or self._made != wanted:
                made = _made(self._feed, position, changed)
                if self._kept is not None:
                    self._kept.close()
                self._kept, self._made = made, wanted
            yield self._kept
        finally:
            self._lock.release()


def _limits(there: There) -> list[Condition]:
    way = Sql("runs a WHERE a.run <= ?", [there.last])
    begun = Condition(Sql("a.run <= ?", [there.last]), [way], count=min(there.last, COUNTED))
    # Along the usual order, runs that began later are not even looked at.
    return [begun, Condition(Sql("a.created <= ?", [there.latest]), narrows=True)]


def _unchanged(connection: Connection, changed: Sequence[Changed]) -> Condition:
    if not changed:
        return Condition(Sql("true"))
    return Condition(Sql("NOT ") + connection.dialect.among("a.run", [each.run for each in changed]))


def _made(feed: Feed, position: int, changed: Sequence[Changed]) -> SqliteConnection:
    """The tables of these runs as of a position, in memory."""
    memory = in_memory()
    memory.execute(_CHECKPOINT)
    for statement in tables.schema(_SUFFIX).split(";"):
        memory.execute(statement)
    for table in tables.TABLES:
        memory.execute(f"CREATE VIEW {table} AS SELECT * FROM {table}{_SUFFIX}")
    projection, numbers = RunsProjection(), {each.run_id: each.run for each in changed}
    memory.execute("BEGIN")
    for start in range(0, len(changed), _AT_ONCE):
        some = changed[start : start + _AT_ONCE]
        events = [event for each in some for event in known_of_run(feed, each.run_id, position)]
        projection.apply_numbered(events, memory, _SUFFIX, numbers)
    # A run's number in its experiment is given once: when an event names the experiment.
    renumber = f"UPDATE runs{_SUFFIX} SET number = ? WHERE run = ? AND number > 0"
    memory.executemany(renumber, [(each.number, each.run) for each in changed])
    memory.execute("COMMIT")
    return memory
