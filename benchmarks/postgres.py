"""The same lists of a million runs in PostgreSQL: a server from a wheel on this machine, filled from the SQLite view.

It is filled anew each time, which takes some minutes a million runs.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Any
from uuid import UUID

from benchmarks.lists import questions, seconds_of
from benchmarks.million import RUNS, million
from benchmarks.result import Result, percentile
from examples.postgres_server import SETTINGS, PostgresServer
from ledger.workspace.folder import FOLDER
from projections.answers import PROJECTIONS
from projections.connection import Connection
from projections.postgres.address import Address
from projections.postgres.connection import PostgresConnection
from projections.postgres.places import place_of
from projections.postgres.tokens import tokens_of
from projections.postgres.view import PostgresView
from projections.sqlite.view import SqliteView
from projections.view import View

NOTES = """\
Both stores are asked the same by one process, one question after the other: the time is that of the answer, from the
question to the documents. PostgreSQL is on the same machine behind a socket, with 512 MB of buffers as its one setting.
Each statement goes there and back, and a page takes four to fourteen.
"""
_BUFFERS = "shared_buffers=512MB"
_TIMES = 15
_AT_ONCE = 20_000
_LOG = str(UUID(int=1))
_AS_THEY_ARE = ("runs", "attributes", "run_attributes", "facets", "experiments")


def run() -> list[Result]:
    """Every kind of question, to both."""
    with (
        closing(SqliteView(million() / FOLDER / "views.db")) as sqlite,
        PostgresServer(settings=(*SETTINGS, _BUFFERS)) as server,
        closing(PostgresView(Address.of_log(server.url, _LOG))) as postgres,
    ):
        fill(sqlite, postgres)
        found: list[Result] = []
        for name, ask in questions().items():
            found += _results(name, *(seconds_of(partial(_answer, view, ask), _TIMES) for view in (sqlite, postgres)))
        return found


def _answer(view: View, ask: Callable[[View], object]) -> object:
    """As a question is answered: of one moment."""
    with view.snapshot():
        return ask(view)


def _results(name: str, here: list[float], there: list[float]) -> Iterator[Result]:
    for share in (0.5, 0.95):
        one, other = (percentile(taken, share) * 1e3 for taken in (here, there))
        goal = "≤ 3 ms in SQLite" if share == 0.5 else ""
        met = one <= 3 if goal else None
        label = f"{name}, {RUNS:,} runs, p{share * 100:.0f}"
        yield Result(label, other, "ms in PostgreSQL", one, "ms in SQLite", goal, met)


def fill(sqlite: SqliteView, postgres: PostgresView) -> None:
    """The run tables of one store, row by row, into the empty ones of the other."""
    source = sqlite.reading()
    with postgres.writing() as connection:
        checkpoint = postgres.begin(PROJECTIONS[0], _LOG)
        connection.run(f"DROP INDEX run_values{checkpoint.suffix}_order")
        for table in _AS_THEY_ARE:
            _say(table)
            _copy(connection, table + checkpoint.suffix, source.execute(f"SELECT * FROM {table}"))
        _say("run_values")
        _copy(connection, f"run_values{checkpoint.suffix}", _values(source))
        _say("run_terms")
        rows = source.execute("SELECT DISTINCT term, doc FROM run_terms")
        _copy(connection, f"run_terms{checkpoint.suffix}", rows)
        _say("run_words")
        _copy(connection, f"run_words{checkpoint.suffix}", _words(source))
        _say("indexes")
        order = "(field, place, created, run)"
        connection.run(f"CREATE INDEX run_values{checkpoint.suffix}_order ON run_values{checkpoint.suffix} {order}")
    # As it does by itself, some time later.
    connection.run("VACUUM ANALYZE")


def _copy(connection: PostgresConnection, table: str, rows: Iterable[Any]) -> None:
    with connection.live().cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _values(source: Connection) -> Iterator[tuple[Any, ...]]:
    for run, field, value, created in source.execute("SELECT run, field, value, created FROM run_values"):
        yield run, field, json.dumps(value), place_of(value), created


def _words(source: Connection) -> Iterator[tuple[int, str]]:
    (table,) = source.execute(
        "SELECT 'run_words_' || generation FROM checkpoints WHERE projection = 'runs' AND building = 0"
    ).fetchone()
    last = 0
    while rows := source.execute(
        f"SELECT rowid, words FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?", (last, _AT_ONCE)
    ).fetchall():
        for (run, _), tokens in zip(rows, tokens_of([words for _, words in rows]), strict=True):
            yield run, f" {' '.join(tokens)} "
        last = rows[-1][0]


def _say(what: str) -> None:
    print(f"  filling PostgreSQL: {what}", file=sys.stderr, flush=True)
