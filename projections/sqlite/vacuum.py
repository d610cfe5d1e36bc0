"""Giving back the space of tables that were dropped: bit by bit, beside whoever reads and writes."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import UnavailableError
from projections.sqlite.view import SqliteView

_AT_ONCE = 2_000
"""Pages of 4 kB that are moved in one transaction: some 10 ms."""

_PATIENCE, _MOMENT = 5_000, 200
"""How many milliseconds to wait for who writes, and for who reads."""

_INCREMENTAL = 2


def size_of(view: SqliteView) -> int:
    """Bytes of the file, with what is not yet moved into it."""
    files = (view.path, Path(f"{view.path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def unused_bytes(view: SqliteView) -> int:
    """Bytes of the file that no table needs."""
    return _number(view, "freelist_count") * _number(view, "page_size")


def vacuum(view: SqliteView, progress: Callable[[int, int], None] = lambda *_: None) -> None:
    """Make the file as small as what it holds; `progress` hears how many bytes were given back, of how many.

    A file made by an earlier version of this program is written anew once: for that nobody else may write, and
    there must be room for it twice more.

    Raises:
        UnavailableError: somebody else writes, or there is too little room.
    """
    with view.clear_errors():
        total = unused_bytes(view)
        if _number(view, "auto_vacuum") != _INCREMENTAL:
            _write_anew(view)
        while left := unused_bytes(view):
            progress(max(total - left, 0), total)
            with _impatient(view, _PATIENCE) as connection:
                # A statement that gives a row for each page that it frees.
                connection.execute(f"PRAGMA incremental_vacuum({_AT_ONCE})").fetchall()
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        progress(total, total)
        with _impatient(view, _MOMENT) as connection:
            # Others who write wait for it, and it for who reads: if that takes long, the next commit sees to it.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _write_anew(view: SqliteView) -> None:
    needed = 2 * (_number(view, "page_count") - _number(view, "freelist_count")) * _number(view, "page_size")
    free = shutil.disk_usage(view.path.parent).free
    if free < needed:
        raise UnavailableError(
            f"to make {view.path} smaller, {needed:,} bytes are needed beside it, and {free:,} are free. Make room, "
            f"or delete {view.path.name} while nobody uses it: it is built again"
        )
    with _impatient(view, _PATIENCE) as connection:
        connection.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
        connection.execute("VACUUM")


@contextmanager
def _impatient(view: SqliteView, milliseconds: int) -> Iterator[sqlite3.Connection]:
    """This thread's connection, which waits for others only so long."""
    connection = view.reading()
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout={milliseconds}")
    try:
        yield connection
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise UnavailableError(
                f"{view.path} is written to by somebody else, as a server or a rebuild does. Nothing is lost: "
                "try again when that is done"
            ) from error
        raise
    finally:
        connection.execute(f"PRAGMA busy_timeout={before}")


def _number(view: SqliteView, name: str) -> int:
    return int(view.reading().execute(f"PRAGMA {name}").fetchone()[0])
