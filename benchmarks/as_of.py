"""Lists of runs as of a position, at a million runs: a recent one, one in the middle, and an old one.

Behind a recent position so many runs were tagged: these are folded anew from their events for the first answer, and
kept for the others. The floor is what it would be if their states as of just that position lay in a table.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from statistics import median
from time import perf_counter

from benchmarks.events import now, tag_links
from benchmarks.million import RUNS, million, run_id_of
from benchmarks.result import Result
from ledger.feed import Feed
from ledger.filters import Filter
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.queries import RunPage, RunQuery
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER
from projections.answers import PROJECTIONS
from projections.runner import catch_up
from projections.runs.as_of import Past
from projections.runs.changed import changed_since
from projections.runs.folded import Fold, Folded, Folds
from projections.runs.queries import find_runs
from projections.sqlite.view import SqliteView
from projections.view import View

NOTES = """\
Each figure is the first page of 50 runs by a process that was not asked about the position before, unless it says so.
Only the last 12,000 runs are events of a log: in the middle and earlier nothing is folded anew. The floor is what it
would be with a snapshot of just that position: the states of all runs that have changed since, in a table.
"""
_TIMES = 7
_TAGGED = 10_000
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
        places = {
            f"{changed:,} runs have changed since": _behind(view, changed) for changed in (10, 100, 1_000, _TAGGED)
        }
        places |= {
            where: _end_of(view, run) for where, run in (("in the middle", RUNS // 2), ("after a tenth", RUNS // 10))
        }
        return [
            _measured(view, feed, f"{name}, {where}", query, place)
            for where, place in places.items()
            for name, query in _QUERIES.items()
        ] + [_second_page(view, feed, changed) for changed in (1_000, _TAGGED)]


def _behind(view: View, changed: int) -> int:
    """The position behind which this many runs have changed."""
    select = "SELECT last - 1 FROM runs ORDER BY run DESC LIMIT 1 OFFSET ?"
    return int(view.reading().execute(select, (changed - 1,)).fetchone()[0])


def _end_of(view: View, run: int) -> int:
    return int(view.reading().execute("SELECT last FROM runs WHERE run = ?", (run,)).fetchone()[0])


def _measured(view: View, feed: Feed, name: str, query: RunQuery, position: int) -> Result:
    kept = _snapshot(view, feed, position)
    taken = _median(lambda: _page(Folds(feed).at, view, feed, query, position))
    floor = _median(lambda: _page(kept, view, feed, query, position))
    many = len(changed_since(view.reading(), position, _TAGGED)) == _TAGGED
    goal, met = (None, None) if many else (f"≤ {_GOAL:.0f} ms", taken <= _GOAL)
    return Result(f"{name}, {RUNS:,} runs", taken, "ms", floor, "ms, from a snapshot of that position", goal, met)


def _second_page(view: View, feed: Feed, changed: int) -> Result:
    fold, query, position = Folds(feed).at, _QUERIES["first page"], _behind(view, changed)
    query = replace(query, cursor=_page(fold, view, feed, query, position).cursor)
    taken = _median(lambda: _page(fold, view, feed, query, position))
    return Result(f"the page behind the first, {changed:,} runs have changed since, {RUNS:,} runs", taken, "ms")


def _page(fold: Fold, view: View, feed: Feed, query: RunQuery, position: int) -> RunPage:
    with Past(fold).sources(view.reading(), position, query) as sources:
        return find_runs(sources, feed.log_id, query)


def _snapshot(view: View, feed: Feed, position: int) -> Fold:
    """Read from a table what a fold came to; a table of metrics would be read too."""
    run_ids = [each.run_id for each in changed_since(view.reading(), position, 1 << 30)]
    kept = sqlite3.connect(":memory:")
    kept.execute("CREATE TABLE states (run_id TEXT PRIMARY KEY, created, is_named, state, metrics) WITHOUT ROWID")
    rows = [(run_id, *each[:3], json.dumps(each.metrics)) for run_id, each in Folds(feed).at(position, run_ids).items()]
    kept.executemany("INSERT INTO states VALUES (?, ?, ?, ?, ?)", rows)
    select = "SELECT s.* FROM json_each(?) j CROSS JOIN states s ON s.run_id = j.value"

    def read(_: int, wanted: Sequence[str]) -> Mapping[str, Folded]:
        found = kept.execute(select, (json.dumps(wanted),))
        return {
            run_id: Folded(created, bool(is_named), state, json.loads(metrics))
            for run_id, created, is_named, state, metrics in found
        }

    return read


def _median(ask: Callable[[], object]) -> float:
    """In milliseconds."""
    return median(_seconds(ask) for _ in range(_TIMES)) * 1e3


def _seconds(ask: Callable[[], object]) -> float:
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
