"""A page of the audit, by question: what it takes once the index is up to date, and what takes many pages.

Without `RUNLEDGER_BENCH_WORKSPACE` over half a million events, made for it; with it over the workspace in that folder,
such as `python -m benchmarks.generate FOLDER --runs 1000000` makes. What is asked is chosen by what the index holds:
the most frequent names, rare ones, and pairs that are frequent and have nothing in common.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import perf_counter, process_time, thread_time

from benchmarks.events import now
from benchmarks.projection import append_run
from benchmarks.result import Result, percentile
from ledger.feed import Feed
from ledger.logs.sqlite import open_sqlite_log
from ledger.queries import AUDITED_AT_ONCE, AuditQuery
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER
from projections.audit.projection import ACTION, ACTOR, EXPERIMENT, FIELD, AuditProjection
from projections.audit.queries import find_audit
from projections.connection import Connection
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.streams import CONTROL

WORKSPACE = "RUNLEDGER_BENCH_WORKSPACE"
_RUNS = 60_000
_TIMES = 60
_GOAL_MS = 20.0
_EXPORTED = 20_000
NOTES = """\
Of 60 pages in one process. Beside each figure stands the processor time of the same pages: where the figure is many
times as much, other programs had the processor. A page ends when it is full, or has looked so far; how long a question
takes until there is no page more stands below, without a goal.
"""
_COUNTS = """
SELECT n.kind, n.name, c.count FROM audit_names n JOIN (
    SELECT name, count(*) AS count FROM audit_marks GROUP BY name) c ON c.name = n.id
WHERE n.kind IN (?, ?, ?, ?) ORDER BY c.count DESC"""
_SHARED = """
SELECT 1 FROM audit_marks a JOIN audit_marks b ON b.name = ? AND b.position = a.position WHERE a.name = ? LIMIT 1"""
_ASKED = {ACTOR: "actor", ACTION: "action", EXPERIMENT: "experiment", FIELD: "field"}

Counts = dict[int, list[str]]


def run() -> list[Result]:
    """Each question often, in one process."""
    with _workspace() as (feed, view):
        began, first = process_time(), view.checkpoint(AuditProjection())
        end = catch_up(view, AuditProjection(), feed)
        results = []
        if first is None:
            rate = end / (process_time() - began)
            results = [Result(f"{end:,} events into the index of the audit", rate, "events/s of a core")]
        names = _names(view.reading())
        for name, query in _questions(feed, view, names, end).items():
            results += _page(feed, view, name, query)
        return results + list(_until_the_end(feed, view, names))


def _questions(feed: Feed, view: View, names: Counts, end: int) -> dict[str, AuditQuery]:
    actors, actions, experiments, fields = (names[kind] for kind in (ACTOR, ACTION, EXPERIMENT, FIELD))
    middle = [each.recorded_at for each in feed.after(end // 2, 2_000)]
    stream = next(each.envelope.stream for each in feed.after(end // 2, 2_000) if each.envelope.stream[:4] == "run:")
    found = {
        "the newest": AuditQuery(),
        "the oldest": AuditQuery(oldest_first=True),
        "of a span in the middle": AuditQuery(since=middle[0], until=middle[-1]),
        "of the most frequent actor": AuditQuery(actor=actors[0]),
        "of the rarest actor": AuditQuery(actor=actors[-1]),
        "of the rarest actor, until the middle": AuditQuery(actor=actors[-1], until=middle[0]),
        "of one run": AuditQuery(stream=stream),
        "of one run, one field": AuditQuery(stream=stream, field="status"),
        "of the most frequent field": AuditQuery(field=fields[0]),
        "of the rarest field, by the most frequent actor": AuditQuery(field=fields[-1], actor=actors[0]),
        "of an actor, an action and an experiment": AuditQuery(
            actor=actors[0], action=actions[0], experiment=experiments[0]
        ),
        "of a value that a field never had": AuditQuery(field=fields[0], value="never"),
        "of what was refused": AuditQuery(refused=True),
        "of what was done alone": AuditQuery(refused=False),
        "of refusals that were not refused, of which there are none": AuditQuery(
            action="command.refused", refused=False
        ),
        "of mails because of an event": AuditQuery(because_of=end // 2),
    }
    apart = _apart(view.reading(), names)
    if apart is not None:
        found["of two frequent names that share nothing"] = apart
    return found


def _until_the_end(feed: Feed, view: View, names: Counts) -> Iterator[Result]:
    apart = _apart(view.reading(), names)
    asked = {
        "two frequent names that share nothing": apart,
        "a value that a field never had": AuditQuery(field=names[FIELD][0], value="never"),
    }
    if os.environ.get(WORKSPACE):
        asked = {}  # of a large ledger that was given, these read for minutes
    for name, query in asked.items():
        if query is not None:
            began = perf_counter()
            _, pages = _read(feed, view, query, None)
            taken = perf_counter() - began
            yield Result(f"the whole of {name}", taken, f"s, {pages:,} pages")
    began = perf_counter()
    written, _ = _read(feed, view, AuditQuery(), _EXPORTED)
    yield Result("entries for an export", written / (perf_counter() - began), "entries/s")


def _read(feed: Feed, view: View, query: AuditQuery, wanted: int | None) -> tuple[int, int]:
    """How many entries, and how many pages, until there is no more or enough."""
    query, entries, pages = replace(query, limit=AUDITED_AT_ONCE), 0, 0
    while True:
        with view.snapshot() as connection:
            page = find_audit(connection, feed, query)
        entries, pages = entries + len(page.entries), pages + 1
        if page.cursor is None or (wanted is not None and entries >= wanted):
            return entries, pages
        query = replace(query, cursor=page.cursor)


def _names(connection: Connection) -> Counts:
    """Names by kind, the most frequent first."""
    found: Counts = {kind: [] for kind in _ASKED}
    for kind, name, _ in connection.execute(_COUNTS, tuple(_ASKED)):
        found[kind].append(name)
    return found


def _apart(connection: Connection, names: Counts) -> AuditQuery | None:
    """The most frequent of the pairs of names that share no event."""
    rows = connection.execute("SELECT id, kind, name FROM audit_names")
    ids = {(kind, name): found for found, kind, name in rows}
    for rank in range(8):
        for kind in (FIELD, EXPERIMENT, ACTOR):
            for name, action in product(names[kind][rank : rank + 1], names[ACTION][:8]):
                if connection.execute(_SHARED, (ids[ACTION, action], ids[kind, name])).fetchone() is None:
                    return replace(AuditQuery(action=action), **{_ASKED[kind]: name})  # type: ignore[arg-type]
    return None


def _page(feed: Feed, view: View, name: str, query: AuditQuery) -> Iterator[Result]:
    taken, worked = [], []
    for _ in range(_TIMES):
        began, at_work = perf_counter(), thread_time()
        with view.snapshot() as connection:
            find_audit(connection, feed, query)
        taken.append((perf_counter() - began) * 1e3)
        worked.append((thread_time() - at_work) * 1e3)
    for part, goal in ((0.5, None), (0.95, _GOAL_MS)):
        figure, work = percentile(taken, part), percentile(worked, part)
        text, met = (None, None) if goal is None else (f"≤ {goal:.0f} ms", figure <= goal)
        yield Result(f"a page {name}: p{part * 100:.0f}", figure, "ms", work, "ms, processor time", text, met)


@contextmanager
def _workspace() -> Iterator[tuple[Feed, View]]:
    folder = os.environ.get(WORKSPACE)
    with tempfile.TemporaryDirectory() as own:
        files = Path(folder) / FOLDER if folder else Path(own)
        with (
            closing(Database(files / "ledger.db", durable=False)) as database,
            closing(SqliteView(files / "views.db")) as view,
        ):
            if not folder:
                log = open_sqlite_log(database, CONTROL, source="//bench", actor="bench", now=now)
                for number in range(_RUNS):
                    append_run(log, number)
            yield Feed(database.identities()[CONTROL].id, database), view
