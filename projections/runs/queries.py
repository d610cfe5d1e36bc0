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
from projections.runs.windows import Window, behind, windows
from schemas.limits import UNSTORABLE, Limits

_LONGEST_PAGE = Limits().page_size
_USUAL = Order("start", "", descending=True)
_NOTHING = Sql("")
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
    found = _page(connection, matches, order, place, query, live) if matches is not None else _Found([])
    page = found.runs[: query.limit]
    last = page[-1] if len(found.runs) > query.limit else found.end
    more = None if last is None else write_cursor(log_id, query.order_by or "", last)
    documents = _documents(connection, [placed.run for placed in page])
    if query.family:
        add_children(connection, documents)
    parents = parents_of(connection, documents) if query.family else []
    if columns is not None:
        columns.cut(connection, dict(zip((placed.run for placed in page), documents, strict=True)), live)
    count, exact = None, True
    if query.count:
        # A first page that is not full has all that was found: nothing is looked at twice.
        if matches is None or (place is None and len(found.runs) <= query.limit):
            count, exact = len(page), found.end is None
        else:
            count, exact = _count(connection, matches, query.within)
    return RunPage(documents, more, count, exact, parents)


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
    """`ways` that lead to runs, none of which meets another's, and what these must meet beside."""

    ways: Sequence[Sql]
    conditions: Sequence[Condition]
    lead: Condition | None

    @property
    def few(self) -> bool:
        """Whether all are rather sorted than looked for along an order."""
        return self.lead is not None and self.lead.is_few

    @property
    def bounded(self) -> bool:
        """Whether the ways are short enough to be walked to their end."""
        return self.lead is not None and not self.lead.is_many

    @property
    def probe(self) -> Sql:
        """What tells of any run `a` whether it matches."""
        return _all(condition.probe for condition in self.conditions)

    @property
    def others(self) -> Sql:
        """What tells of a run on one of the ways whether it matches."""
        return _all(condition.probe for condition in self._asked)

    @property
    def whole(self) -> list[Sql]:
        """The ways to the runs that match, and to no others."""
        return [way + self.others for way in self.ways]

    def others_of(self, window: Window) -> Sql:
        """As `others`, of a run in a window."""
        return _all(condition.probe_between(window.lowest, window.highest) for condition in self._asked)

    @property
    def _asked(self) -> list[Condition]:
        return [each for each in self.conditions if each is not self.lead and not each.narrows]


@dataclass(frozen=True, slots=True)
class _Found:
    """Runs in their order; `end` is where to go on if it was not looked further."""

    runs: list[Placed]
    end: Placed | None = None


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
        conditions.append(Condition(Sql("a.created >= ? AND a.created < ?", span), narrows=True))
    conditions.sort(key=lambda condition: condition.count)
    lead = next((condition for condition in conditions if condition.leads), None)
    stretch = _all(condition.probe for condition in conditions if condition.narrows)
    ways = lead.ways if lead else [Sql("runs a WHERE true")]
    return _Matches([way + stretch for way in ways], conditions, lead)


def _all(probes: Iterable[Sql]) -> Sql:
    text, values = "", list[Any]()
    for probe in probes:
        text += f" AND {probe.text}"
        values += probe.values
    return Sql(text, values)


def _page(
    connection: sqlite3.Connection,
    matches: _Matches,
    order: Order,
    place: Placed | None,
    query: RunQuery,
    live: LiveMetrics,
) -> _Found:
    limit = query.limit + 1
    if order.is_by_start:
        return _by_start(connection, matches, order, place, limit, query.within)
    values = _live_values(order, live)
    if matches.few:
        return _Found(_sorted(connection, matches, order, place, values)[:limit])
    found = _along(connection, matches, order, place, limit, values)
    if len(found) < limit:
        found += _valueless(connection, matches, order, place, limit - len(found), values)
    return _Found(found)


def _by_start(
    connection: sqlite3.Connection,
    matches: _Matches,
    order: Order,
    place: Placed | None,
    limit: int,
    within: int | None,
    also: Sql = _NOTHING,
) -> _Found:
    """Runs behind a place, and where to go on if no more of them were looked at."""
    if matches.bounded:
        ways = [way + matches.others + behind(order, place) + also for way in matches.ways]
        return _Found(_merged(connection, ways, order, limit))
    found: list[Placed] = []
    for window in windows(connection, matches.ways, order, place, within):
        others = matches.others_of(window) + window.between + also
        ways = [way + others for way in matches.ways]
        found += _merged(connection, ways, order, limit - len(found))
        end = window.end
        if len(found) == limit or end is None:
            return _Found(found)
    return _Found(found, end)


def _merged(connection: sqlite3.Connection, ways: Sequence[Sql], order: Order, limit: int) -> list[Placed]:
    """The first runs of some ways, of which each is ordered."""
    end = Sql(f" ORDER BY a.created {order.down}, a.run {order.down} LIMIT ?)", [limit])
    parts = [Sql("SELECT * FROM (SELECT a.created, a.run FROM ") + way + end for way in ways]
    select = Sql(" UNION ALL ".join(part.text for part in parts), [value for part in parts for value in part.values])
    if len(parts) > 1:
        select += Sql(f" ORDER BY created {order.down}, run {order.down} LIMIT ?", [limit])
    return [Placed(None, *row) for row in connection.execute(*select)]


def _sorted(
    connection: sqlite3.Connection, matches: _Matches, order: Order, place: Placed | None, live: Mapping[int, Value]
) -> list[Placed]:
    """All that match behind a place: they are few."""
    parts = [Sql("SELECT ") + order.value() + Sql(" AS value, a.created, a.run FROM ") + way for way in matches.whole]
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
    return _by_start(connection, matches, _USUAL, place, limit, None, without).runs


def _live_values(order: Order, live: LiveMetrics) -> dict[int, Value]:
    if order.metric is None:
        return {}
    found = {run: orderable(values.get(order.metric)) for run, values in live.items()}
    return {run: value for run, value in found.items() if value is not None}


def _count(connection: sqlite3.Connection, matches: _Matches, within: int | None) -> tuple[int, bool]:
    """How many match, and whether these are all: no further than what is counted, and what is looked at."""
    ways, more = matches.whole, False
    if within is not None and not matches.bounded:
        (window,) = windows(connection, matches.ways, _USUAL, None, within, first=within)
        ways, more = [way + matches.others_of(window) + window.between for way in matches.ways], window.end is not None
    limit, found = COUNTED + 1, 0
    for way in ways:
        select = Sql("SELECT count(*) FROM (SELECT 1 FROM ") + way + Sql(" LIMIT ?)", [limit - found])
        found += int(connection.execute(*select).fetchone()[0])
    return min(found, COUNTED), found <= COUNTED and not more


def _documents(connection: sqlite3.Connection, runs: Sequence[int]) -> list[RunDocument]:
    select = "SELECT run_id, number, state FROM runs WHERE run = ?"
    rows = (connection.execute(select, (run,)).fetchone() for run in runs)
    return [document(run_id, number, json.loads(state)) for run_id, number, state in rows]
