"""The tables of all projections in PostgreSQL: any number of servers on one database, of which one fills at a time."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql

from ledger.errors import UnavailableError, WorkspaceError
from projections.postgres.address import Address
from projections.postgres.connection import PostgresConnection
from projections.postgres.errors import LOCK_SECONDS, clear_errors
from projections.postgres.long_texts import TABLE as LONG_TEXTS
from projections.projection import Projection
from projections.view import CHECKPOINTS, Checkpoint, View

_VERSION = 1
_OLDEST = 140_000
_CONNECT_SECONDS = 10
_IDLE_SECONDS = 120
"""A server that was frozen for so long in a transaction loses it: the others need not wait for it."""

_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE checkpoints IN ACCESS SHARE MODE"
_WRITE = "BEGIN; SELECT pg_advisory_xact_lock({})"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
_TEXTS = """SELECT c.table_name, c.column_name FROM information_schema.columns c
JOIN pg_tables t ON t.schemaname = c.table_schema AND t.tablename = c.table_name
WHERE c.table_schema = %s AND c.data_type = 'text' AND c.table_name != 'long_texts'"""
_HAS_SCHEMA = "SELECT 1 FROM pg_namespace WHERE nspname = %s"

# Statements are put together so that a page is a short walk along an index, the rarest condition first. What the server
# knows of many columns together is little: it would rather read and sort all that it fears to be few.
_WALKS = ("enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_seqscan")
_SETTINGS = {
    **dict.fromkeys(_WALKS, "off"),
    "client_min_messages": "warning",
    "jit": "off",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s",
    "max_parallel_workers_per_gather": "0",
    # A lost tail is only replayed.
    "synchronous_commit": "off",
}


class PostgresView(View):
    """The tables of one log, in a schema of their own; servers may share it."""

    def __init__(self, address: Address, *, others_fill: bool = False) -> None:
        """Make the schema if it is not there; `others_fill` it from replicas of the log that may be ahead of ours.

        Raises:
            UnavailableError: the database cannot be reached.
            WorkspaceError: it cannot be used, or was written by a newer version.
        """
        self._address, self.others_fill = address, others_fill
        self.name = address.name
        self.cure = f'drop its tables (DROP SCHEMA "{address.schema}" CASCADE)'
        self._lock = int.from_bytes(sha256(address.schema.encode()).digest()[:8], "big", signed=True)
        self._process = os.getpid()
        self._local = threading.local()
        self._connections: list[tuple[threading.Thread, PostgresConnection]] = []
        self._closed = False
        try:
            with self.clear_errors():
                self._make_once()
        except BaseException:
            self.close()
            raise

    def reading(self) -> PostgresConnection:
        """This thread's connection."""
        if self._closed:
            raise UnavailableError(f"{self.name} was closed; open the workspace again")
        if os.getpid() != self._process:
            # A connection must not cross a fork: the child forgets the parent's without closing them.
            self._process, self._local, self._forgotten = os.getpid(), threading.local(), self._connections
            self._connections = []
        connection: PostgresConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            self._close_those_of_the_dead()
            connection = self._local.connection = PostgresConnection(self._address.schema, self._connect)
            self._connections.append((threading.current_thread(), connection))
        return connection

    @contextmanager
    def writing(self) -> Iterator[PostgresConnection]:
        """One write transaction, under an advisory lock that PostgreSQL frees when whoever has it dies."""
        connection = self.reading()
        with self.clear_errors():
            try:
                connection.run(_WRITE.format(self._lock))
                connection.writes = True
                yield connection
                connection.run("COMMIT")
            except BaseException:
                connection.roll_back()
                raise
            finally:
                connection.writes = False

    @contextmanager
    def snapshot(self) -> Iterator[PostgresConnection]:
        """One moment of the tables; who changes which tables are in use waits for its end."""
        connection = self.reading()
        connection.run(_SNAPSHOT)
        try:
            yield connection
        finally:
            connection.roll_back()

    def clear_errors(self) -> AbstractContextManager[None]:
        """Say what went wrong with the database, and what to do."""
        return clear_errors(self.name, self.cure)

    def scrub(self) -> None:
        """Write the tables anew, and what is known of their values; the server's own logs are its administrator's."""
        connection = self.reading()
        with self.writing():
            self._forget_long_texts(connection)
        with self.clear_errors():
            tables = connection.run(_TABLES, [self._address.schema]).fetchall()
            for (table,) in tables:
                connection.live().execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table)))

    def _forget_long_texts(self, connection: PostgresConnection) -> None:
        """Delete the long texts that no column has any more."""
        columns = connection.run(_TEXTS, [self._address.schema]).fetchall()
        gone = [
            sql.SQL("NOT EXISTS (SELECT 1 FROM {} t WHERE t.{} = l.short)").format(*map(sql.Identifier, column))
            for column in columns
        ]
        connection.live().execute(sql.SQL("DELETE FROM long_texts l WHERE {}").format(sql.SQL(" AND ").join(gone)))

    def use(self, projection: Projection, checkpoint: Checkpoint) -> None:
        """Let queries read this generation from here on, when those under way are done."""
        self.reading().keep_readers_out()
        super().use(projection, checkpoint)

    def close(self) -> None:
        """Close the connections of this process, but for those that other threads are using."""
        self._closed = True
        if os.getpid() == self._process:
            for thread, connection in self._connections:
                if thread is threading.current_thread() or not thread.is_alive():
                    connection.close()
        self._connections = []

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        if self._closed:
            raise UnavailableError(f"{self.name} was closed; open the workspace again")
        found = psycopg.connect(
            self._address.url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name=f"runledger {os.getpid()}",
            client_encoding="utf8",
        )
        settings = _SETTINGS | {"search_path": self._address.schema}
        found.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()))
        return found

    def _close_those_of_the_dead(self) -> None:
        for thread, connection in self._connections:
            if not thread.is_alive():
                connection.close()
        self._connections = [each for each in self._connections if each[0].is_alive()]

    def _make_once(self) -> None:
        """Make schema and tables, all or none, and refuse those of another version."""
        connection = self.reading()
        self._check_server(connection.live())
        if not connection.has_table("checkpoints"):
            with self.writing():
                if not connection.has_table("checkpoints"):
                    self._make(connection)
        (version,) = connection.execute("SELECT version FROM store").fetchone() or (0,)
        if version != _VERSION:
            raise WorkspaceError(
                f"{self.name} has schema version {version}, this program reads {_VERSION}; "
                "use the version of runledger that wrote it, or a newer one"
            )

    def _make(self, connection: PostgresConnection) -> None:
        if not connection.run(_HAS_SCHEMA, [self._address.schema]).fetchall():
            connection.live().execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._address.schema)))
        connection.execute(CHECKPOINTS)
        connection.run(LONG_TEXTS)
        connection.run("CREATE TABLE store (version BIGINT NOT NULL)")
        connection.run("INSERT INTO store VALUES (%s)", [_VERSION])

    def _check_server(self, raw: "psycopg.Connection[tuple[Any, ...]]") -> None:
        if raw.info.server_version < _OLDEST:
            raise WorkspaceError(f"{self.name} is PostgreSQL {raw.info.server_version // 10_000}; 14 is the oldest")
        if raw.info.parameter_status("server_encoding") != "UTF8":
            raise WorkspaceError(f"the encoding of {self.name} is not UTF8: make a database whose is")


def is_made(address: Address) -> bool:
    """Whether there are tables of that log; raises what `PostgresView` raises, and makes nothing."""
    with (
        clear_errors(address.name, "drop its tables"),
        psycopg.connect(address.url, connect_timeout=_CONNECT_SECONDS) as raw,
    ):
        return raw.execute("SELECT to_regclass(%s)", [f"{address.schema}.checkpoints"]).fetchone() != (None,)
