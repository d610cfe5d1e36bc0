"""Finding runs: a page of what meets all conditions, in its order."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import LimitExceededError, RunNotFoundError
from ledger.filters import FILTERS
from ledger.queries import COUNTED, RunDocument, RunPage, RunQuery
from projections.connection import Connection
from projections.runs.columns import Columns
from projections.runs.conditions import LiveMetrics
from projections.runs.cursor import read_cursor, write_cursor
from projections.runs.documents import document
from projections.runs.family import add_children, parents_of
from projections.runs.matching import Matches, Source, matches_of
from projections.runs.ordering import Order, Placed
from projections.runs.values import Value, orderable
from projections.runs.windows import behind, windows
from projections.sql import Sql
from schemas.limits import UNSTORABLE, Limits

_LONGEST_PAGE = Limits().page_size
_USUAL = Order("start", "", descending=True)
_NOTHING = Sql("")


def find_run(connection: Connection, run_id: str) -> RunDocument:
    """One run; raises RunNotFoundError."""
    if UNSTORABLE.search(run_id):
        raise RunNotFoundError(run_id)
    row = connection.execute("SELECT number, state FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    return document(run_id, row[0], json.loads(row[1]))


def find_runs(sources: Sequence[Source], log_id: str, query: RunQuery) -> RunPage:
    """A page of the runs that several sources have, no two of them the same; newest first unless it says otherwise.

    Raises:
        LimitExceededError: the page is too long, or has no place for a run; there are too many filters.
        InvalidNameError: the cursor is none, or of another ledger or order; there is no such order; a moment is none.
    """
    order = check(query)
    columns = None if query.columns is None else Columns.parse(query.columns)
    place = read_cursor(log_id, query.order_by or "", query.cursor) if query.cursor else None
    parts = [_part(source, query, order, place) for source in sources]
    found = _together([part.found for part in parts], order)
    page = found.runs[: query.limit]
    last = page[-1] if len(found.runs) > query.limit else found.end
    more = None if last is None else write_cursor(log_id, query.order_by or "", last)
    documents = _documents(parts, page, columns)
    if query.family:
        add_children(sources, documents)
    parents = parents_of(sources, documents) if query.family else []
    count, exact = _total([part.count() for part in parts]) if query.count else (None, True)
    return RunPage(documents, more, count, exact, parents)


def check(query: RunQuery) -> Order:
    """The order of a query that may be asked; raises what `find_runs` raises."""
    if not 1 <= query.limit <= _LONGEST_PAGE:
        raise LimitExceededError(f"a page holds 1 to {_LONGEST_PAGE:,} runs, not {query.limit}")
    if len(query.filters) > FILTERS:
        raise LimitExceededError(f"a question has at most {FILTERS} filters, not {len(query.filters)}")
    return Order.parse(query.order_by) if query.order_by is not None else _USUAL


@dataclass(frozen=True, slots=True)
class _Found:
    """Runs in their order; `end` is where to go on if it was not looked further."""

    runs: list[Placed]
    end: Placed | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """What one source has for a page."""

    source: Source
    query: RunQuery
    matches: Matches | None
    found: _Found

    def count(self) -> tuple[int, bool]:
        """How many runs of it match, and whether these are all."""
        # A first page that is not full has all that was found: nothing is looked at twice.
        if self.matches is None or (self.query.cursor is None and len(self.found.runs) <= self.query.limit):
            return len(self.found.runs), self.found.end is None
        return _count(self.source.connection, self.matches, self.query.within)


def _part(source: Source, query: RunQuery, order: Order, place: Placed | None) -> _Part:
    matches = matches_of(source, query)
    found = _Found([]) if matches is None else _page(source, matches, order, place, query)
    return _Part(source, query, matches, found)


def _together(parts: Sequence[_Found], order: Order) -> _Found:
    """What was found in several sources, as far as all of them were looked at."""
    if len(parts) == 1:
        return parts[0]
    runs = order.sorted([run for part in parts for run in part.runs])
    ends = order.sorted([part.end for part in parts if part.end is not None])
    if not ends:
        return _Found(runs)
    return _Found([run for run in runs if not order.follows(run, ends[0])], ends[0])


def _total(counts: Sequence[tuple[int, bool]]) -> tuple[int, bool]:
    total = sum(count for count, _ in counts)
    return min(total, COUNTED), total <= COUNTED and all(exact for _, exact in counts)


def _page(source: Source, matches: Matches, order: Order, place: Placed | None, query: RunQuery) -> _Found:
    connection, limit = source.connection, query.limit + 1
    if order.is_by_start:
        return _by_start(connection, matches, order, place, limit, query.within)
    values = _live_values(order, source.live)
    if matches.few:
        return _Found(_sorted(connection, matches, order, place, values)[:limit])
    found = _along(connection, matches, order, place, limit, values)
    if len(found) < limit:
        found += _valueless(connection, matches, order, place, limit - len(found), values)
    return _Found(found)


def _by_start(
    connection: Connection,
    matches: Matches,
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


def _merged(connection: Connection, ways: Sequence[Sql], order: Order, limit: int) -> list[Placed]:
    """The first runs of some ways, of which each is ordered."""
    end = Sql(f" ORDER BY a.created {order.down}, a.run {order.down} LIMIT ?) w", [limit])
    parts = [Sql("SELECT * FROM (SELECT a.created, a.run FROM ") + way + end for way in ways]
    select = Sql(" UNION ALL ".join(part.text for part in parts), [value for part in parts for value in part.values])
    if len(parts) > 1:
        select += Sql(f" ORDER BY created {order.down}, run {order.down} LIMIT ?", [limit])
    return [Placed(None, *row) for row in connection.execute(*select)]


def _sorted(
    connection: Connection, matches: Matches, order: Order, place: Placed | None, live: Mapping[int, Value]
) -> list[Placed]:
    """All that match behind a place: they are few."""
    dialect = connection.dialect
    value = Sql("SELECT ") + order.value(dialect) + Sql(" AS value, a.created, a.run FROM ")
    rows = [row for way in matches.whole for row in connection.execute(*(value + way))]
    found = [Placed(live.get(run, order.read(dialect, stored)), created, run) for stored, created, run in rows]
    return order.sorted([run for run in found if place is None or order.follows(run, place)])


def _along(
    connection: Connection,
    matches: Matches,
    order: Order,
    place: Placed | None,
    limit: int,
    live: Mapping[int, Value],
) -> list[Placed]:
    """Runs that have a value, along the index of their order; those that go on are few, and put between."""
    if place is not None and place.value is None:
        return []
    way = order.way(connection.dialect)
    name, behind = way.place, Sql("")
    if place is not None and place.value is not None:
        bounds = f" AND {name} {order.beyond}= ? AND ({name}, a.created, a.run) {order.beyond} (?, ?, ?)"
        value = way.placed(place.value)
        behind = Sql(bounds, [value, value, place.created, place.run])
    select = order.along(connection.dialect, matches.probe + behind, limit)
    found = [Placed(way.read(stored), created, run) for stored, created, run in connection.execute(*select)]
    going = Sql("SELECT a.created, a.run FROM runs a WHERE ") + connection.dialect.among("a.run", live)
    if live:
        rows = connection.execute(*(going + matches.probe))
        more = [Placed(live[run], created, run) for created, run in rows]
        found += [run for run in more if place is None or order.follows(run, place)]
    return order.sorted(found)[:limit]


def _valueless(
    connection: Connection,
    matches: Matches,
    order: Order,
    place: Placed | None,
    limit: int,
    live: Mapping[int, Value],
) -> list[Placed]:
    """Runs without a value, the newest first."""
    without = Sql(" AND ") + order.value(connection.dialect) + Sql(" IS NULL")
    if live:
        without += Sql(" AND NOT ") + connection.dialect.among("a.run", live)
    place = place if place is not None and place.value is None else None
    return _by_start(connection, matches, _USUAL, place, limit, None, without).runs


def _live_values(order: Order, live: LiveMetrics) -> dict[int, Value]:
    if order.metric is None:
        return {}
    found = {run: orderable(values.get(order.metric)) for run, values in live.items()}
    return {run: value for run, value in found.items() if value is not None}


def _count(connection: Connection, matches: Matches, within: int | None) -> tuple[int, bool]:
    """How many match, and whether these are all: no further than what is counted, and what is looked at."""
    ways, more = matches.whole, False
    if within is not None and not matches.bounded:
        (window,) = windows(connection, matches.ways, _USUAL, None, within, first=within)
        ways, more = [way + matches.others_of(window) + window.between for way in matches.ways], window.end is not None
    limit, found = COUNTED + 1, 0
    for way in ways:
        select = Sql("SELECT count(*) FROM (SELECT 1 FROM ") + way + Sql(" LIMIT ?) c", [limit - found])
        found += int(connection.execute(*select).fetchone()[0])
    return min(found, COUNTED), found <= COUNTED and not more


def _documents(parts: Sequence[_Part], page: Sequence[Placed], columns: Columns | None) -> list[RunDocument]:
    """The documents of a page, each from the source that has the run."""
    found: dict[int, RunDocument] = {}
    for part in parts:
        of_part = {placed.run for placed in part.found.runs}
        runs = [placed.run for placed in page if placed.run in of_part]
        documents = dict(_read(part.source.connection, runs))
        if columns is not None:
            columns.cut(part.source.connection, documents, part.source.live)
        found |= documents
    return [found[placed.run] for placed in page]


def _read(connection: Connection, runs: Sequence[int]) -> Iterator[tuple[int, RunDocument]]:
    if runs:
        select = Sql("SELECT a.run, a.run_id, a.number, a.state FROM runs a WHERE ")
        for run, run_id, number, state in connection.execute(*(select + connection.dialect.among("a.run", runs))):
            yield run, document(run_id, number, json.loads(state))
