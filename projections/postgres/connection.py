"""A connection to PostgreSQL that has its dialect, and is replaced when it dies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from time import sleep
from typing import Any

import psycopg
from psycopg.errors import LockNotAvailable
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper

from projections.connection import Document
from projections.postgres import long_texts
from projections.postgres.dialect import POSTGRES, PostgresDialect
from projections.postgres.errors import LOCK_SECONDS
from projections.postgres.statements import insertion, portions, translated

_ROWS = 500
"""How many rows one statement puts in."""

_HAS_TABLE = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s"
"""Of the rows of the catalog, which has what others have just made; names are looked up in what is remembered of it."""

_KEEP_OUT = "SET LOCAL lock_timeout = '1s'; LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE"
_FREED = f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
_TRIES = 40
_PAUSE_SECONDS = 0.5


class PostgresRows:
    """What a statement found: all of it is here."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        """Hand these out, one after the other."""
        self._rows = iter(rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; None behind the last."""
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return list(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows


class PostgresConnection:
    """One thread's connection: one that has died is replaced, as long as no transaction is lost with it."""

    dialect: PostgresDialect = POSTGRES

    def __init__(self, schema: str, connect: Callable[[], "psycopg.Connection[tuple[Any, ...]]"]) -> None:
        """Connect at the first statement, to tables in this schema."""
        self._schema = schema
        self._connect = connect
        self._raw: psycopg.Connection[tuple[Any, ...]] | None = None
        self.writes = False
        """Whether a write transaction is under way."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> PostgresRows:
        """Run a statement with `?` for each parameter."""
        cursor = self.run(translated(statement), self._bound(parameters))
        return PostgresRows([self._whole(row) for row in cursor.fetchall()] if cursor.description else [])

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> None:
        """Run a statement that finds nothing for each of these; rows are put in many at a time."""
        text, rows = translated(statement), (self._bound(each) for each in parameters)
        puts_in = insertion(text)
        for portion in portions(rows, _ROWS):
            if puts_in is None:
                self.live().cursor().executemany(text, portion)
            else:
                self.run(puts_in.of(len(portion)), [value for row in portion for value in row])

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""
        return bool(self.run(_HAS_TABLE, [self._schema, name]).fetchall())

    def keep_readers_out(self) -> None:
        """Let nobody else look at the tables until the end of this transaction: they are about to change."""
        for _ in range(_TRIES):
            self.run("SAVEPOINT waiting")
            try:
                self.run(_KEEP_OUT)
            except LockNotAvailable:
                # Whoever comes meanwhile waits behind us: between two tries they get their turn.
                self.run("ROLLBACK TO SAVEPOINT waiting")
                sleep(_PAUSE_SECONDS)
            else:
                self.run(_FREED)
                return
        self.run(_KEEP_OUT)

    def run(self, statement: str, values: Sequence[Any] | None = None) -> "psycopg.Cursor[tuple[Any, ...]]":
        """Run a statement as it is; once more if the connection had died before, unnoticed."""
        raw = self.live()
        idle = raw.info.transaction_status is TransactionStatus.IDLE
        try:
            return raw.execute(statement, values)
        except psycopg.OperationalError:
            if not (idle and raw.closed):
                raise
        return self.live().execute(statement, values)

    def live(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection itself."""
        if self._raw is None or self._raw.closed:
            self._raw = self._connect()
            self._raw.adapters.register_dumper(int, Int8Dumper)
        return self._raw

    def roll_back(self) -> None:
        """End the transaction that is under way, if its connection still lives."""
        if self._raw is not None and not self._raw.closed:
            # What is said is why the transaction ends, not that the connection could not end it.
            with suppress(psycopg.OperationalError):
                self._raw.execute("ROLLBACK")

    def close(self) -> None:
        """Close it."""
        if self._raw is not None:
            self._raw.close()

    def _bound(self, values: Sequence[Any]) -> list[Any]:
        return [self._short(value) if isinstance(value, str) else value for value in values]

    def _short(self, text: str) -> str:
        if isinstance(text, Document) or not long_texts.is_long(text):
            return str(text)
        short = long_texts.shortened(text)
        if self.writes:
            self.run(long_texts.INSERT, [short, text])
        return short

    def _whole(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if not any(isinstance(value, str) and long_texts.may_be_short(value) for value in row):
            return row
        return tuple(self._long(value) if isinstance(value, str) else value for value in row)

    def _long(self, text: str) -> str:
        found = self.run(long_texts.SELECT, [text]).fetchall() if long_texts.may_be_short(text) else []
        return str(found[0][0]) if found else text
