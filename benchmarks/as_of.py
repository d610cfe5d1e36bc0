"""Lists of runs as of a position, at a million runs: a recent one, one in the middle, and an old one.

Behind the recent position so many runs were tagged: these are made anew from their events for every answer.
"""

from collections.abc import Callable
from contextlib import closing
from statistics import median
from time import perf_counter

from benchmarks.events import now, tag_links
from benchmarks.million import RUNS, million, run_id_of
from benchmarks.result import Result
from ledger.feed import Feed
from ledger.filters import Filter
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.queries import RunQuery
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER
from projections.answers import PROJECTIONS
from projections.runner import catch_up
from projections.runs.as_of import Past
from projections.runs.queries import find_runs
from projections.sqlite.view import SqliteView
from projections.view import View

NOTES = """\
Each figure is the first page of 50 runs; pages behind it find the runs that were made anew for it. Only the last 2,000
runs are events of a log: in the middle and earlier nothing is made anew.
"""
_TIMES = 15
_TAGGED = 1_000
_EVENTS = 3
"""So many has a run before it is tagged."""
_GOAL = 100.0
_QUERIES = {
    "first page": RunQuery(),
    "by status and tag": RunQuery(filters=(Filter.parse("status:is:Failed"), Filter.parse("tag.team:is:t8"))),
    "by a search": RunQuery(search="u7 t3"),
    "in the order of a metric": RunQuery(order_by="metric.loss"),
    "with counts and children": RunQuery(count=True, family=True, include_children=True, columns=("metric.loss",)),
}


def run() -> list[Result]:
    """Every question at every position."""
    folder = million() / FOLDER
    with (
        closing(SqliteView(folder / "views.db")) as view,
        closing(Database(folder / "ledger.db", durable=False)) as database,
    ):
        log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
        feed = Feed(log.id, database)
        _tag(log, database)
        catch_up(view, PROJECTIONS[0], feed)
        places = {f"{changed} runs have changed since": _behind(view, changed) for changed in (10, 100, _TAGGED)}
        places |= {
            where: _end_of(view, run) for where, run in (("in the middle", RUNS // 2), ("after a tenth", RUNS // 10))
        }
        return [
            _measured(view, feed, f"{name}, {where}", query, place)
            for where, place in places.items()
            for name, query in _QUERIES.items()
        ]


def _behind(view: View, changed: int) -> int:
    """The position behind which this many runs have changed."""
    select = "SELECT last - 1 FROM runs ORDER BY run DESC LIMIT 1 OFFSET ?"
    return int(view.reading().execute(select, (changed - 1,)).fetchone()[0])


def _end_of(view: View, run: int) -> int:
    return int(view.reading().execute("SELECT last FROM runs WHERE run = ?", (run,)).fetchone()[0])


def _measured(view: View, feed: Feed, name: str, query: RunQuery, position: int) -> Result:
    def ask() -> None:
        with Past(feed).sources(view.reading(), position) as sources:
            find_runs(sources, feed.log_id, query)

    taken = median(_seconds(ask) for _ in range(_TIMES)) * 1e3
    return Result(f"{name}, {RUNS:,} runs", taken, "ms", goal=f"≤ {_GOAL:.0f} ms", met=taken <= _GOAL)


def _seconds(ask: Callable[[], None]) -> float:
    began = perf_counter()
    ask()
    return perf_counter() - began


def _tag(log: SqliteLog, database: Database) -> None:
    """Tag the newest runs, the oldest of them first, unless it was done."""
    streams = [f"run:{run_id_of(number)}" for number in range(RUNS - _TAGGED, RUNS)]
    heads = database.heads_of("run:")
    for stream in streams:
        head = heads[stream]
        if head.seq == _EVENTS:
            log.append(tag_links(log.id, stream, head.seq + 1, head.hash.hex()))
