"""A SQLite file shared by threads, processes and forks: connections, transactions, clear errors."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import UnavailableError, WorkspaceError

BUSY_SECONDS = 60.0


class SqliteFile:
    """One connection for each thread of each process, opened on first use."""

    connected_by: type[sqlite3.Connection] = sqlite3.Connection

    def __init__(
        self,
        path: Path,
        *,
        durable: bool,
        page_bytes: int = 4_096,
        shrinks: bool = False,
        cure: str = "restore it from a backup",
    ) -> None:
        """Open or make the file; `durable` syncs each commit to the disk, `cure` is for a damaged one.

        A new file has pages of `page_bytes`, and one that `shrinks` can give them back bit by bit; a file that is
        there stays as it is.
        """
        self.path = path
        self._cure = cure
        self._durable = durable
        self._process = os.getpid()
        self._local = threading.local()
        self._connections: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._watching: sqlite3.Connection | None = None
        self._closed = False
        with self.clear_errors():
            self.reading().execute(f"PRAGMA page_size={page_bytes}")
            if shrinks and self.reading().execute("PRAGMA page_count").fetchone() == (0,):
                # Before the first page is written, or it needs a VACUUM; said again later, it would be a write.
                self.reading().execute("PRAGMA auto_vacuum=INCREMENTAL")
            self.reading().execute("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Close the connections of this process; nothing can be read or written afterwards."""
        self._closed = True
        if os.getpid() == self._process:
            for thread, connection in self._connections:
                # Closing a connection under a thread that uses it would crash the process: such a
                # one is closed when its thread lets go of it.
                if thread is threading.current_thread() or not thread.is_alive():
                    connection.close()
        self._connections = []

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed at the end, rolled back on any error.

        Raises:
            UnavailableError: the disk is full or read-only, or the file is locked for too long.
        """
        connection = self.reading()
        with self.clear_errors():
            self._take_lock(connection)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _take_lock(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")

    def reading(self) -> sqlite3.Connection:
        """This thread's connection.

        Raises:
            UnavailableError: the file was closed.
        """
        if self._closed:
            self._let_go()
            raise UnavailableError(f"{self.path} was closed; open the workspace again")
        if os.getpid() != self._process:
            # A connection must not cross a fork: the child forgets the parent's without closing them.
            self._process, self._local, self._connections = os.getpid(), threading.local(), []
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def version(self) -> int:
        """A number that is another as soon as anybody, of whatever process, has written; for one thread to ask."""
        with self.clear_errors():
            if self._watching is None or self._closed or os.getpid() != self._process:
                self.reading()
                # One of its own: a connection does not count what it writes itself.
                self._watching = self._connect()
            return int(self._watching.execute("PRAGMA data_version").fetchone()[0])

    def _let_go(self) -> None:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and os.getpid() == self._process:
            connection.close()

    def make_once(self, script: str, version: int) -> None:
        """Make the tables of a new file, all or none, and refuse a file of another version."""
        with self.clear_errors():
            if self._schema_version() == 0:
                with self.writing() as connection:
                    if self._schema_version() == 0:
                        _run_script(connection, script)
                        connection.execute(f"PRAGMA user_version={version}")
            found = self._schema_version()
        if found != version:
            raise WorkspaceError(
                f"{self.path} has schema version {found}, this program reads {version}; "
                "use the version of runledger that wrote it, or a newer one"
            )

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Say what went wrong with the file, and what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UnavailableError(_cause(self.path, error)) from error
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise WorkspaceError(f"{self.path} is damaged or not what it should be: {error}; {self._cure}") from error

    def _schema_version(self) -> int:
        return int(self.reading().execute("PRAGMA user_version").fetchone()[0])

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
            factory=self.connected_by,
        )
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        connection.execute("PRAGMA cache_size=-16000")
        self._connections.append((threading.current_thread(), connection))
        return connection


def _run_script(connection: sqlite3.Connection, script: str) -> None:
    # executescript would commit the transaction that makes all tables or none.
    for statement in script.split(";"):
        connection.execute(statement)


def _cause(path: Path, error: sqlite3.OperationalError) -> str:
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_FULL":
            return f"the disk of {path} is full; nothing was stored. Make room and try again"
        case name if name.startswith("SQLITE_READONLY") or name == "SQLITE_CANTOPEN":
            return f"{path} cannot be written ({error}); check the folder and its rights"
        case "SQLITE_BUSY":
            return f"{path} was locked by another process for {BUSY_SECONDS:.0f} s; nothing was stored"
        case name:
            return f"{path} cannot be used now: {error} ({name}); nothing was stored"
