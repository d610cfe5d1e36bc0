"""Keeping no trace of what was deleted from a SQLite file: in its search index, its pages, its write-ahead log."""

import time

from ledger.errors import UnavailableError
from projections.connection import Connection

_SEARCHED = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5 (%'"
_EMPTY_WAL = "PRAGMA wal_checkpoint(TRUNCATE)"
_SECONDS, _PAUSE_SECONDS = 60.0, 0.1


def scrub(connection: Connection, name: str) -> None:
    """Write the file anew, which takes a while and as much room again; questions are answered meanwhile.

    Raises:
        UnavailableError: the file is read all the time.
    """
    for (table,) in connection.execute(_SEARCHED).fetchall():
        # Deleted words stay in the segments of an index until these are one.
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
    connection.execute("VACUUM")
    deadline = time.monotonic() + _SECONDS
    while connection.execute(_EMPTY_WAL).fetchone()[0]:
        if time.monotonic() > deadline:
            raise UnavailableError(f"{name} is read all the time, so its old pages cannot be freed; try again")
        time.sleep(_PAUSE_SECONDS)
