"""views.db: the tables of all projections in a SQLite file."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import cast

from ledger.store.file import BUSY_SECONDS, SqliteFile
from projections.sqlite.connection import SqliteConnection
from projections.sqlite.scrubbing import scrub
from projections.view import CHECKPOINTS, View

_SCHEMA_VERSION = 1
_WAL_PAGES = 2_000
"""8 MB: a page that several batches write is copied into the file once for them."""

_ASKED_SECONDS = 0.002

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"


class SqliteView(View):
    """The file; a lost tail is only replayed, so commits are not synced."""

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        self.path = path
        self.name, self.cure = str(path), f"delete {path.name}"
        self._file = _File(path)
        self._file.make_once(f"{CHECKPOINTS} WITHOUT ROWID", _SCHEMA_VERSION)

    def reading(self) -> SqliteConnection:
        """This thread's connection."""
        return cast("SqliteConnection", self._file.reading())

    @contextmanager
    def writing(self) -> Iterator[SqliteConnection]:
        """One write transaction, which is the lock too: others wait."""
        with self._file.writing() as connection:
            yield cast("SqliteConnection", connection)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteConnection]:
        """One moment of the file, for several reads that belong together."""
        connection = self.reading()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    def written(self) -> int:
        """A number that is another when others have written: one writes at a time."""
        return int(self.reading().execute("PRAGMA data_version").fetchone()[0])

    def table_names(self) -> list[str]:
        """The names of all tables."""
        return [name for (name,) in self.reading().execute(_TABLES)]

    def clear_errors(self) -> AbstractContextManager[None]:
        """Say what went wrong with the file, and what to do."""
        return self._file.clear_errors()

    def scrub(self) -> None:
        """Write the file anew."""
        scrub(self.reading(), self.name)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _File(SqliteFile):
    connected_by: type[sqlite3.Connection] = SqliteConnection

    def __init__(self, path: Path) -> None:
        super().__init__(path, durable=False, cure="delete it, it is built again", shrinks=True)

    def _take_lock(self, connection: sqlite3.Connection) -> None:
        """Ask for the lock every two milliseconds; SQLite would look again after up to a tenth of a second.

        Who fills the tables in use, that somebody asks for, has to come between two batches of a rebuild.
        """
        deadline = time.monotonic() + BUSY_SECONDS
        connection.execute("PRAGMA busy_timeout=0")
        try:
            while not _has_begun(connection, deadline):
                time.sleep(_ASKED_SECONDS)
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        return connection


def _has_begun(connection: sqlite3.Connection, deadline: float) -> bool:
    """Whether a write transaction is begun; raises what SQLite does, if it is not that others write."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
            raise
        return False
    return True
