"""Finding runs: the rarest condition leads, the others are looked up for each run it gives."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from ledger.errors import InvalidNameError, LimitExceededError, RunNotFoundError
from ledger.queries import ANY_VALUE, RunDocument, RunPage, RunQuery
from projections.runs.attributes import ARCHIVED, TOP_LEVEL, Attribute, has_key, one, pair
from projections.runs.cursor import Place, read_cursor, write_cursor
from projections.runs.documents import document
from projections.runs.ordering import Order
from projections.runs.span import span_of
from projections.runs.words import expression_of, words_table
from schemas.limits import UNSTORABLE, Limits

_COUNTED = 10_001
_LONGEST_PAGE = Limits().page_size
_END: Place = ((1 << 62), 0)
_COUNTS_RUNS = 0
"""In the place of a run's number, which is never 0: the cursor counts the runs before it."""

AnyOf = tuple[int, ...]
"""Numbers of attributes of which a run must have one."""

Walk = tuple[str, list[Any]]
"""What stands behind FROM, with its conditions, and its parameters; it has `a.created` and `a.run`."""

MetricValues = Mapping[str, float | int | str]
_Row = tuple[str, int, int, int, str]


def find_run(connection: sqlite3.Connection, run_id: str) -> RunDocument:
    """One run; raises RunNotFoundError."""
    if UNSTORABLE.search(run_id):
        raise RunNotFoundError(run_id)
    row = connection.execute("SELECT number, state FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    return document(run_id, row[0], json.loads(row[1]))


def find_runs(
    connection: sqlite3.Connection, log_id: str, query: RunQuery, metric_values: MetricValues = MappingProxyType({})
) -> RunPage:
    """A page of runs, newest first unless the query says otherwise.

    `metric_values` are by run id, for a query that is ordered by a metric.

    Raises:
        LimitExceededError: the page is too long, or has no place for a run.
        InvalidNameError: the cursor is none, or of another ledger; there is no such order; a moment is none.
    """
    if not 1 <= query.limit <= _LONGEST_PAGE:
        raise LimitExceededError(f"a page holds 1 to {_LONGEST_PAGE:,} runs, not {query.limit}")
    order = Order.parse(query.order_by) if query.order_by is not None else None
    walks = _walks(connection, query)
    if order is not None and not order.is_usual:
        return _ordered(connection, log_id, query, walks, order, metric_values)
    place = read_cursor(log_id, query.cursor) if query.cursor else _END
    if query.cursor and place[1] == _COUNTS_RUNS:
        raise _other_order()
    rows = _newest(connection, walks, place, query.limit + 1)
    page = rows[: query.limit]
    more = write_cursor(log_id, (page[-1][2], page[-1][3])) if len(rows) > query.limit else None
    return RunPage(_documents(page), more)


def matching_ids(connection: sqlite3.Connection, query: RunQuery) -> list[str]:
    """The ids of all runs that match, in no order."""
    walks = _walks(connection, query)
    if not walks:
        return []
    found, values = _union(walks)
    rows = connection.execute(f"SELECT r.run_id FROM ({found}) p JOIN runs r ON r.run = p.run", values)
    return [run_id for (run_id,) in rows]


def conditions_of(query: RunQuery) -> list[list[Attribute]]:
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


def _numbers(connection: sqlite3.Connection, wanted: Sequence[Attribute]) -> AnyOf:
    select = "SELECT attribute FROM attributes WHERE kind = ? AND key = ? AND value = ?"
    storable = (attribute for attribute in wanted if not any(map(UNSTORABLE.search, attribute)))
    rows = (connection.execute(select, attribute).fetchone() for attribute in storable)
    return tuple(row[0] for row in rows if row is not None)


def _count(connection: sqlite3.Connection, numbers: AnyOf) -> int:
    select = "SELECT count(*) FROM (SELECT 1 FROM run_attributes WHERE attribute = ? LIMIT ?)"
    return sum(int(connection.execute(select, (number, _COUNTED)).fetchone()[0]) for number in numbers)


_PROBE = """EXISTS (SELECT 1 FROM run_attributes o
WHERE o.attribute IN ({marks}) AND o.created = a.created AND o.run = a.run)"""


def _walks(connection: sqlite3.Connection, query: RunQuery) -> list[Walk]:
    """The ways to all runs that match, none of which meets another's; none if nothing can match."""
    conditions = [_numbers(connection, wanted) for wanted in conditions_of(query)]
    words = _Words.of(connection, query.search) if query.search is not None else None
    if not all(conditions) or (words is not None and not words.many):
        return []
    excluded = () if query.include_archived else _numbers(connection, [ARCHIVED])
    span = span_of(query)
    counted = sorted((_count(connection, numbers), numbers) for numbers in conditions)
    if words is not None and words.many < _COUNTED and (not counted or words.many <= counted[0][0]):
        walk = f"({words.found}) w CROSS JOIN runs a ON a.run = w.run WHERE true"
        return [_probed((walk, [words.expression]), [numbers for _, numbers in counted], excluded, span, None)]
    leading, *others = [numbers for _, numbers in counted] or [()]
    starts: list[Walk] = [("run_attributes a WHERE a.attribute = ?", [number]) for number in leading]
    return [_probed(start, others, excluded, span, words) for start in starts or [("runs a WHERE true", [])]]


def _probed(
    start: Walk, others: Sequence[AnyOf], excluded: AnyOf, span: tuple[int, int] | None, words: "_Words | None"
) -> Walk:
    text, values = start
    if span is not None:
        text += " AND a.created >= ? AND a.created < ?"
        values = [*values, *span]
    for numbers in others:
        text += f" AND {_PROBE.format(marks=_marks(numbers))}"
        values = [*values, *numbers]
    if excluded:
        text += f" AND NOT {_PROBE.format(marks=_marks(excluded))}"
        values = [*values, *excluded]
    if words is not None:
        text += f" AND a.run IN ({words.found})"
        values = [*values, words.expression]
    return text, values


class _Words(NamedTuple):
    """Runs that have some words: the statement that finds them, its parameter, and how many, if not too many."""

    found: str
    expression: str
    many: int

    @classmethod
    def of(cls, connection: sqlite3.Connection, search: str) -> Self:
        expression = expression_of(search)
        table = words_table(connection)
        found = f"SELECT rowid AS run FROM {table} WHERE {table} MATCH ?"
        if expression is None:
            return cls(found, "", 0)
        count = connection.execute(f"SELECT count(*) FROM ({found} LIMIT {_COUNTED})", (expression,)).fetchone()[0]
        return cls(found, expression, count)


def _newest(connection: sqlite3.Connection, walks: Sequence[Walk], place: Place, limit: int) -> list[_Row]:
    if not walks:
        return []
    parts = [
        (
            f"""SELECT * FROM (SELECT a.created, a.run FROM {walk} AND (a.created, a.run) < (?, ?)
            ORDER BY a.created DESC, a.run DESC LIMIT ?)""",
            [*values, *place, limit],
        )
        for walk, values in walks
    ]
    select = f"""SELECT r.run_id, r.number, p.created, p.run, r.state FROM ({" UNION ALL ".join(t for t, _ in parts)}) p
    JOIN runs r ON r.run = p.run ORDER BY p.created DESC, p.run DESC LIMIT ?"""
    return connection.execute(select, [*(value for _, values in parts for value in values), limit]).fetchall()


def _ordered(
    connection: sqlite3.Connection,
    log_id: str,
    query: RunQuery,
    walks: Sequence[Walk],
    order: Order,
    metric_values: MetricValues,
) -> RunPage:
    """A page in another order: all that match are sorted, and a cursor counts those before it."""
    before, mark = read_cursor(log_id, query.cursor) if query.cursor else (0, _COUNTS_RUNS)
    if mark != _COUNTS_RUNS or before < 0:
        raise _other_order()
    if not walks:
        return RunPage([], None)
    found, values = _union(walks)
    down = "DESC" if order.descending else "ASC"
    select = f"""WITH metric_values AS MATERIALIZED (SELECT key AS run_id, value FROM json_each(?))
    SELECT r.run_id, r.number, r.created, r.run, r.state, {order.value()} AS value
    FROM ({found}) p JOIN runs r ON r.run = p.run
    ORDER BY value IS NULL, value {down}, r.created DESC, r.run DESC LIMIT ? OFFSET ?"""
    given = [json.dumps(dict(metric_values)), *order.parameters(), *values, query.limit + 1, before]
    rows = [row[:5] for row in connection.execute(select, given)]
    more = write_cursor(log_id, (before + query.limit, _COUNTS_RUNS)) if len(rows) > query.limit else None
    return RunPage(_documents(rows[: query.limit]), more)


def _other_order() -> InvalidNameError:
    return InvalidNameError("the cursor belongs to a list in another order; begin at the first page")


def _union(walks: Sequence[Walk]) -> tuple[str, list[Any]]:
    text = " UNION ALL ".join(f"SELECT a.run FROM {walk}" for walk, _ in walks)
    return text, [value for _, values in walks for value in values]


def _documents(rows: Sequence[_Row]) -> list[RunDocument]:
    return [document(run_id, number, json.loads(state)) for run_id, number, _, _, state in rows]


def _marks(numbers: AnyOf) -> str:
    return ", ".join("?" * len(numbers))
