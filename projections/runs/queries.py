"""Finding runs: the rarest condition leads, the others are looked up for each run it gives."""

import json
import sqlite3
from collections.abc import Sequence

from ledger.errors import LimitExceededError, RunNotFoundError
from ledger.queries import ANY_VALUE, RunDocument, RunPage, RunQuery
from projections.runs.attributes import ARCHIVED, TOP_LEVEL, Attribute, has_key, one, pair
from projections.runs.cursor import Place, read_cursor, write_cursor
from projections.runs.documents import document
from schemas.limits import UNSTORABLE, Limits

_COUNTED = 10_001
_LONGEST_PAGE = Limits().page_size
_END: Place = ((1 << 62), 0)

AnyOf = tuple[int, ...]
"""Numbers of attributes of which a run must have one."""


def find_run(connection: sqlite3.Connection, run_id: str) -> RunDocument:
    """One run; raises RunNotFoundError."""
    if UNSTORABLE.search(run_id):
        raise RunNotFoundError(run_id)
    row = connection.execute("SELECT number, state FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    return document(run_id, row[0], json.loads(row[1]))


def find_runs(connection: sqlite3.Connection, log_id: str, query: RunQuery) -> RunPage:
    """A page of runs, newest first.

    Raises:
        LimitExceededError: the page is too long, or has no place for a run.
        InvalidNameError: the cursor is none, or of another ledger.
    """
    if not 1 <= query.limit <= _LONGEST_PAGE:
        raise LimitExceededError(f"a page holds 1 to {_LONGEST_PAGE:,} runs, not {query.limit}")
    conditions = [_numbers(connection, wanted) for wanted in conditions_of(query)]
    if not all(conditions):
        return RunPage([], None)
    place = read_cursor(log_id, query.cursor) if query.cursor else _END
    leading, *others = sorted(conditions, key=lambda numbers: _count(connection, numbers)) or [()]
    excluded = () if query.include_archived else _numbers(connection, [ARCHIVED])
    rows = _select(connection, leading, others, excluded, place, query.limit + 1)
    page = rows[: query.limit]
    more = write_cursor(log_id, (page[-1][2], page[-1][3])) if len(rows) > query.limit else None
    return RunPage([document(run_id, number, json.loads(state)) for run_id, number, _, _, state in page], more)


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


def _select(
    connection: sqlite3.Connection,
    leading: AnyOf,
    others: Sequence[AnyOf],
    excluded: AnyOf,
    place: Place,
    limit: int,
) -> list[tuple[str, int, int, int, str]]:
    probes = "".join(f" AND {_PROBE.format(marks=_marks(numbers))}" for numbers in others)
    if excluded:
        probes += f" AND NOT {_PROBE.format(marks=_marks(excluded))}"
    probed = [number for numbers in (*others, excluded) for number in numbers]
    walks, values = [], []
    for number in leading or (None,):
        table = "run_attributes a WHERE a.attribute = ? AND" if number is not None else "runs a WHERE"
        walks.append(
            f"""SELECT * FROM (SELECT a.created, a.run FROM {table} (a.created, a.run) < (?, ?){probes}
            ORDER BY a.created DESC, a.run DESC LIMIT ?)"""
        )
        values += [*([number] if number is not None else []), *place, *probed, limit]
    select = f"""SELECT r.run_id, r.number, p.created, p.run, r.state FROM ({" UNION ALL ".join(walks)}) p
    JOIN runs r ON r.run = p.run ORDER BY p.created DESC, p.run DESC LIMIT ?"""
    return connection.execute(select, [*values, limit]).fetchall()


def _marks(numbers: AnyOf) -> str:
    return ", ".join("?" * len(numbers))
