"""A page of the audit, by question, over half a million events: what it takes once the index is up to date."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter, process_time
from uuid import UUID, uuid5

from benchmarks.events import now
from benchmarks.projection import append_run
from benchmarks.result import Result, percentile
from ledger.feed import Feed
from ledger.logs.sqlite import open_sqlite_log
from ledger.queries import AuditQuery
from ledger.store.database import Database
from projections.audit.projection import AuditProjection
from projections.audit.queries import find_audit
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from projections.view import View

_RUNS = 60_000
_TIMES = 60
_GOAL_MS = 20.0
_QUESTIONS = {
    "the newest": AuditQuery(),
    "of one actor": AuditQuery(actor="bench"),
    "of one run": AuditQuery(stream=f"run:{uuid5(UUID(int=0), '20000')}"),
    "of one field": AuditQuery(field="tags.team"),
    "of one actor, action and field": AuditQuery(actor="bench", action="run.tagged", field="tags.team"),
    "of a value that a field never had": AuditQuery(field="tags.team", value="never"),
    "of what was refused, of which there is nothing": AuditQuery(refused=True),
    "the oldest": AuditQuery(oldest_first=True),
}


def run() -> list[Result]:
    """Each question often, in one process."""
    with tempfile.TemporaryDirectory() as folder, _filled(Path(folder)) as (feed, view):
        began = process_time()
        end = catch_up(view, AuditProjection(), feed)
        rate = end / (process_time() - began)
        pages = [_page(feed, view, name, query) for name, query in _QUESTIONS.items()]
    return [Result("events into the index of the audit", rate, "events/s of a core"), *pages]


def _page(feed: Feed, view: View, name: str, query: AuditQuery) -> Result:
    taken = []
    for _ in range(_TIMES):
        began = perf_counter()
        with view.snapshot() as connection:
            find_audit(connection, feed, query)
        taken.append((perf_counter() - began) * 1e3)
    worst = percentile(taken, 0.95)
    return Result(f"a page of the audit, {name}: p95", worst, "ms", goal=f"≤ {_GOAL_MS:.0f} ms", met=worst <= _GOAL_MS)


@contextmanager
def _filled(folder: Path) -> Iterator[tuple[Feed, View]]:
    with (
        closing(Database(folder / "ledger.db", durable=False)) as database,
        closing(SqliteView(folder / "views.db")) as view,
    ):
        log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
        for number in range(_RUNS):
            append_run(log, number)
        yield Feed(log.id, database), view
