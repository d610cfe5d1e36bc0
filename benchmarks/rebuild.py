"""All views built anew from a generated workspace, and who uses the workspace meanwhile.

The floor writes the very same rows from tuples that are at hand, table by table in the order of its key, 50,000 a
transaction, into the same tables with the same indexes. RUNLEDGER_BENCH_REBUILD_RUNS sets another number of runs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.generate import make
from benchmarks.rebuild_parts import Parts, TimedFeed, TimedProjection
from benchmarks.result import Result, percentile
from benchmarks.workspaces.shape import Shape
from ledger.feed import Feed
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER, WorkspaceFolder
from projections.answers import PROJECTIONS
from projections.rebuild import rebuild_all
from projections.runner import catch_up_all
from projections.sqlite.view import SqliteView
from schemas.streams import CONTROL

RUNS = int(os.environ.get("RUNLEDGER_BENCH_REBUILD_RUNS", "100000"))
_EVENTS_A_RUN = 10
_ROWS_AT_ONCE = 50_000
_INDEX = "run_words"
_VOCABULARY = "run_terms"

NOTES = """
Rows are those that the tables hold at the end; what was updated on the way there is not counted. All views are built in
one reading of the events. Meanwhile another process asks for pages of lists and for runs, a hundred times a second at
most, and a third one appends to a run and asks for it, ten times a second at most: its time is that of the question,
which first takes the event into the tables in use. They, and the rebuild, share two cores.
"""


def run() -> list[Result]:
    """A rebuild that nobody disturbs, its floor, and one that others work beside."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "workspace"
        make(place, _shape(), processes=2, views=False, say=lambda _: None)
        files = WorkspaceFolder(place / FOLDER)
        with closing(Database(files.ledger_db, durable=False)) as database, closing(SqliteView(files.views_db)) as view:
            feed = Feed(database.identities()[CONTROL].id, database)
            catch_up_all(view, PROJECTIONS, feed)
            alone, parts = _rebuilt(view, feed), Parts()
            timed = [TimedProjection(each, parts) for each in PROJECTIONS]
            began = process_time()
            rebuild_all(view, timed, TimedFeed(feed.log_id, database, parts))
            busy = process_time() - began
            rows, floor = _floor(view, Path(folder) / "floor.db")
            with _others(place) as answered:
                beside = _rebuilt(view, feed)
            events = feed.last_position()
            return [
                *_of_rebuilds(alone, beside, events, rows, floor),
                *_of_parts(parts, busy, events),
                *_of_others(answered),
            ]


def _shape() -> Shape:
    return Shape(runs=RUNS, events=_EVENTS_A_RUN * RUNS, values=0, days=365, seed=1, users=False)


class _Timed:
    """A rebuild: how long it took, and how fast each of its quarters was."""

    def __init__(self, view: SqliteView) -> None:
        self._wal = Path(f"{view.path}-wal")
        self._told: list[tuple[int, float]] = []
        self.wal = 0

    def __call__(self, position: int, _: int) -> None:
        self.wal = max(self.wal, self._wal.stat().st_size if self._wal.exists() else 0)
        self._told.append((position, perf_counter()))

    @property
    def seconds(self) -> float:
        return self._told[-1][1] - self._told[0][1]

    @property
    def flatness(self) -> float:
        """How fast the last quarter was, by the second: in the first, all is in memory."""
        return self._rate(0.75, 1.0) / self._rate(0.25, 0.5)

    def _rate(self, first: float, last: float) -> float:
        end = self._told[-1][0]
        within = [each for each in self._told if first * end <= each[0] <= last * end]
        (start, began), (stop, ended) = within[0], within[-1]
        return (stop - start) / (ended - began)


def _rebuilt(view: SqliteView, feed: Feed) -> _Timed:
    timed = _Timed(view)
    rebuild_all(view, PROJECTIONS, feed, timed)
    return timed


def _floor(view: SqliteView, path: Path) -> tuple[int, float]:
    """How many rows there are, and how many a second are written that are at hand."""
    rows, seconds = 0, 0.0
    with closing(SqliteView(path)) as other:
        with other.writing():
            for projection in PROJECTIONS:
                other.use(projection, other.begin(projection, "floor"))
        for table in (table for projection in PROJECTIONS for table in projection.tables if table != _VOCABULARY):
            columns = "rowid, *" if table == _INDEX else "*"
            found = iter(view.reading().execute(f"SELECT {columns} FROM {_real(view, table)}"))
            while some := list(islice(found, _ROWS_AT_ONCE)):
                began = perf_counter()
                _insert(other, table, some)
                seconds += perf_counter() - began
                rows += len(some)
    return rows, rows / seconds


def _real(view: SqliteView, table: str) -> str:
    projection = next(each for each in PROJECTIONS if table in each.tables)
    checkpoint = view.checkpoint(projection)
    return f"{table}{checkpoint.suffix if checkpoint else ''}"


def _insert(view: SqliteView, table: str, rows: list[tuple[object, ...]]) -> None:
    names = " (rowid, words)" if table == _INDEX else ""
    with view.writing() as connection:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table}_1{names} VALUES ({marks})", rows)


@contextmanager
def _others(place: Path) -> Iterator[dict[str, list[float]]]:
    """Who reads and who writes, each a process; at the end, the seconds of their answers."""
    answered: dict[str, list[float]] = {}
    command = [sys.executable, "-m", "benchmarks.rebuild_others", str(place)]
    started = {
        what: subprocess.Popen([*command, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for what in ("read", "write")
    }
    try:
        for process in started.values():
            if process.stdout is not None:
                process.stdout.readline()
        yield answered
        for what, process in started.items():
            answered[what] = json.loads(process.communicate()[0])
    finally:
        for process in started.values():
            process.kill()


def _of_rebuilds(alone: _Timed, beside: _Timed, events: int, rows: int, floor: float) -> list[Result]:
    rate, flatness = rows / alone.seconds, alone.flatness
    wal = max(alone.wal, beside.wal) / 1e6
    return [
        Result("rows of all views", rate, "rows/s", floor, "by executemany", "≥ 200,000 rows/s", rate >= 200_000),
        Result(f"events into all views, {events:,}", events / alone.seconds, "events/s"),
        Result("the last quarter of them, by the second", flatness, "times", goal="≥ 0.9", met=flatness >= 0.9),
        Result("events into all views while others read and write", events / beside.seconds, "events/s"),
        Result("the greatest write-ahead log", wal, "MB", goal="≤ 100 MB", met=wal <= 100),
    ]


def _of_parts(parts: Parts, busy: float, events: int) -> list[Result]:
    parted = parts.seconds | {"transactions and the rest": busy - sum(parts.seconds.values())}
    return [
        Result(f"an event, {part}", seconds / events * 1e6, "µs of a core", busy / events * 1e6, "in all")
        for part, seconds in parted.items()
    ]


def _of_others(answered: dict[str, list[float]]) -> list[Result]:
    results = []
    for what, name in (("read", "a list or a run meanwhile"), ("write", "an own append asked for meanwhile")):
        middle, last = (percentile(answered[what], part) * 1e3 for part in (0.5, 0.99))
        results += [
            Result(f"{name}, p50 of {len(answered[what]):,}", middle, "ms"),
            Result(f"{name}, p99", last, "ms", goal="≤ 10 ms", met=last <= 10),
        ]
    return results
