"""A connection to SQLite that has its dialect."""

import sqlite3

from projections.sqlite.dialect import SQLITE, SqliteDialect

_HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"


class SqliteConnection(sqlite3.Connection):
    """As Python has it."""

    dialect: SqliteDialect = SQLITE

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""
        return self.execute(_HAS_TABLE, (name,)).fetchone() is not None

    def keep_readers_out(self) -> None:
        """Readers see the file as it was before a transaction."""


def in_memory() -> SqliteConnection:
    """Tables that nobody else sees, and that are gone when it is closed; threads may take turns."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=SqliteConnection)
