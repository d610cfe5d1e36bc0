"""Finding runs: the rarest condition leads, the others are looked up for each run it gives."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ledger.errors import LimitExceededError, RunNotFoundError
from ledger.filters import FILTERS
from ledger.queries import ANY_VALUE, COUNTED, RunDocument, RunPage, RunQuery
from projections.runs.attributes import ARCHIVED, TOP_LEVEL, Attribute, has_key, one, pair
from projections.runs.columns import Columns
from projections.runs.conditions import Condition, Conditions, LiveMetrics, Sql
from projections.runs.cursor import read_cursor, write_cursor
from projections.runs.documents import document
from projections.runs.family import add_children, parents_of
from projections.runs.ordering import Order, Placed
from projections.runs.span import span_of
from projections.runs.values import Value, orderable
from schemas.limits import UNSTORABLE, Limits

_LONGEST_PAGE = Limits().page_size
_USUAL = Order("start", "", descending=True)
_NOBODY: LiveMetrics = MappingProxyType({})


def find_run(connection: sqlite3.Connection, run_id: str) -> RunDocument:
    """One run; raises RunNotFoundError."""
    if UNSTORABLE.search(run_id):
        raise RunNotFoundError(run_id)
    row = connection.execute("SELECT number, state FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    return document(run_id, row[0], json.loads(row[1]))


def find_runs(connection: sqlite3.Connection, log_id: str, query: RunQuery, live: LiveMetrics = _NOBODY) -> RunPage:
    """A page of runs, newest first unless the query says otherwise.

    `live` are the last values of runs that go on, for a query that asks for those of metrics.

    Raises:
        LimitExceededError: the page is too long, or has no place for a run; there are too many filters.
        InvalidNameError: the cursor is none, or of another ledger or order; there is no such order; a moment is none.
    """
    order = check(query)
    columns = None if query.columns is None else Columns.parse(query.columns)
    place = read_cursor(log_id, query.order_by or "", query.cursor) if query.cursor else None
    matches = _matches(connection, query, live)
    found = _page(connection, matches, order, place, query.limit + 1, live) if matches is not None else []
    page = found[: query.limit]
    more = write_cursor(log_id, query.order_by or "", page[-1]) if len(found) > query.limit else None
    documents = _documents(connection, [placed.run for placed in page])
    if query.family:
        add_children(connection, documents)
    parents = parents_of(connection, documents) if query.family else []
    if columns is not None:
        columns.cut(connection, dict(zip((placed.run for placed in page), documents, strict=True)), live)
    whole = len(page) if place is None and more is None else None
    count = (_count(connection, matches) if matches and whole is None else whole) if query.count else None
    exact = count is None or count <= COUNTED
    return RunPage(documents, more, count if exact else COUNTED, exact, parents)


def check(query: RunQuery) -> Order:
    """The order of a query that may be asked; raises what `find_runs` raises."""
    if not 1 <= query.limit <= _LONGEST_PAGE:
        raise LimitExceededError(f"a page holds 1 to {_LONGEST_PAGE:,} runs, not {query.limit}")
    if len(query.filters) > FILTERS:
        raise LimitExceededError(f"a question has at most {FILTERS} filters, not {len(query.filters)}")
    return Order.parse(query.order_by) if query.order_by is not None else _USUAL


def attributes_asked(query: RunQuery) -> list[list[Attribute]]:
    """What a run must have: one attribute of each list."""
    found = [[one("status", status) for status in query.statuses]] if query.statuses else []
    for kind, value in (
        ("experiment", query.experiment),
        ("run_type", query.run_type),
        ("target", query.target),
        ("parent_run_id", query.parent_run_id),
        ("root_run_id", query.root_run_id),
    ):
        if value is not None:
            found.append([one(kind, value)])
    for kind, wanted in (("tag", query.tags), ("property", query.properties)):
        for key, value in wanted.items():
            found.append([has_key(kind, key) if value == ANY_VALUE else pair(kind, key, value)])
    if not query.include_children and query.parent_run_id is None:
        found.append([TOP_LEVEL])
    return found


@dataclass(frozen=True, slots=True)
class _Matches:
    """`ways` to all runs that match, none of which meets another's, and `probe` to tell of any run `a`."""

    ways: Sequence[Sql]
    probe: Sql
    few: bool


def _matches(connection: sqlite3.Connection, query: RunQuery, live: LiveMetrics) -> _Matches | None:
    """The ways to all runs that match; None if none can."""
    make = Conditions(connection, live)
    conditions = [make.any_of(wanted) for wanted in attributes_asked(query)]
    conditions += [make.of(chip) for chip in query.filters]
    if query.search is not None:
        conditions.append(make.search(query.search))
    if not all(condition.count for condition in conditions):
        return None
    if not query.include_archived and (archived := make.any_of([ARCHIVED])).count:
        conditions.append(Condition(Sql(f"NOT {archived.probe.text}", archived.probe.values)))
    if (span := span_of(query)) is not None:
        conditions.append(Condition(Sql("a.created >= ? AND a.created < ?", span)))
    conditions.sort(key=lambda condition: condition.count)
    lead = next((condition for condition in conditions if condition.leads), None)
    others = _all(condition for condition in conditions if condition is not lead)
    ways = [way + others for way in (lead.ways if lead else [Sql("runs a WHERE true")])]
    return _Matches(ways, _all(conditions), few=lead is not None and lead.is_few)


def _all(conditions: Iterable[Condition]) -> Sql:
    text, values = "", list[Any]()
    for condition in conditions:
        text += f" AND {condition.probe.text}"
        values += condition.probe.values
    return Sql(text, values)


def _page(
    connection: sqlite3.Connection, matches: _Matches, order: Order, place: Placed | None, limit: int, live: LiveMetrics
) -> list[Placed]:
    if order.is_by_start:
        return _by_start(connection, matches.ways, order, place, limit)
    values = _live_values(order, live)
    if matches.few:
        return _sorted(connection, matches, order, place, values)[:limit]
    found = _along(connection, matches, order, place, limit, values)
    if len(found) < limit:
        found += _valueless(connection, matches, order, place, limit - len(found), values)
    return found


def _by_start(
    connection: sqlite3.Connection, ways: Sequence[Sql], order: Order, place: Placed | None, limit: int
) -> list[Placed]:
    behind = Sql("") if place is None else Sql(f" AND (a.created, a.run) {order.beyond} (?, ?)", place[1:])
    end = Sql(f" ORDER BY a.created {order.down}, a.run {order.down} LIMIT ?)", [limit])
    parts = [Sql("SELECT * FROM (SELECT a.created, a.run FROM ") + way + behind + end for way in ways]
    select = Sql(" UNION ALL ".join(part.text for part in parts), [value for part in parts for value in part.values])
    if len(parts) > 1:
        select += Sql(f" ORDER BY created {order.down}, run {order.down} LIMIT ?", [limit])
    return [Placed(None, *row) for row in connection.execute(*select)]


def _sorted(
    connection: sqlite3.Connection, matches: _Matches, order: Order, place: Placed | None, live: Mapping[int, Value]
) -> list[Placed]:
    """All that match behind a place: they are few."""
    parts = [Sql("SELECT ") + order.value() + Sql(" AS value, a.created, a.run FROM ") + way for way in matches.ways]
    rows = [row for part in parts for row in connection.execute(*part)]
    found = [Placed(live.get(run, value), created, run) for value, created, run in rows]
    return order.sorted([run for run in found if place is None or order.follows(run, place)])


def _along(
    connection: sqlite3.Connection,
    matches: _Matches,
    order: Order,
    place: Placed | None,
    limit: int,
    live: Mapping[int, Value],
) -> list[Placed]:
    """Runs that have a value, along the index of their order; those that go on are few, and put between."""
    if place is not None and place.value is None:
        return []
    name, way = order.way()
    behind = Sql("")
    if place is not None:
        bounds = f" AND {name} {order.beyond}= ? AND ({name}, a.created, a.run) {order.beyond} (?, ?, ?)"
        behind = Sql(bounds, [place.value, *place])
    end = Sql(f" ORDER BY {name} {order.down}, a.created {order.down}, a.run {order.down} LIMIT ?", [limit])
    select = Sql(f"SELECT {name}, a.created, a.run FROM ") + way + matches.probe + behind + end
    found = [Placed(*row) for row in connection.execute(*select)]
    going = Sql(
        "SELECT a.created, a.run FROM runs a WHERE a.run IN (SELECT value FROM json_each(?))", [json.dumps([*live])]
    )
    if live:
        rows = connection.execute(*(going + matches.probe))
        more = [Placed(live[run], created, run) for created, run in rows]
        found += [run for run in more if place is None or order.follows(run, place)]
    return order.sorted(found)[:limit]


def _valueless(
    connection: sqlite3.Connection,
    matches: _Matches,
    order: Order,
    place: Placed | None,
    limit: int,
    live: Mapping[int, Value],
) -> list[Placed]:
    """Runs without a value, the newest first."""
    without = Sql(" AND ") + order.value() + Sql(" IS NULL")
    if live:
        without += Sql(" AND a.run NOT IN (SELECT value FROM json_each(?))", [json.dumps([*live])])
    place = place if place is not None and place.value is None else None
    return _by_start(connection, [way + without for way in matches.ways], _USUAL, place, limit)


def _live_values(order: Order, live: LiveMetrics) -> dict[int, Value]:
    if order.metric is None:
        return {}
    found = {run: orderable(values.get(order.metric)) for run, values in live.items()}
    return {run: value for run, value in found.items() if value is not None}


def _count(connection: sqlite3.Connection, matches: _Matches) -> int:
    """How many match, no further than a little behind what is counted."""
    limit, found = COUNTED + 1, 0
    for way in matches.ways:
        select = Sql("SELECT count(*) FROM (SELECT 1 FROM ") + way + Sql(" LIMIT ?)", [limit - found])
        found += int(connection.execute(*select).fetchone()[0])
    return found


def _documents(connection: sqlite3.Connection, runs: Sequence[int]) -> list[RunDocument]:
    select = "SELECT run_id, number, state FROM runs WHERE run = ?"
    rows = (connection.execute(select, (run,)).fetchone() for run in runs)
    return [document(run_id, number, json.loads(state)) for run_id, number, state in rows]
