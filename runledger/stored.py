"""The ledger of a workspace as it lies in its file, for who checks it: nothing is opened or made."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ledger.errors import UnavailableError, WorkspaceError
from ledger.store.database import Database
from runledger.locating import folder_of
from schemas.errors import LedgerError

_CANNOT_OPEN = frozenset({"SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_PERM"})


class DamagedFileError(LedgerError):
    """A ledger.db that SQLite cannot read, or that holds no ledger."""


@contextmanager
def stored_ledger(location: str, *, at_one_moment: bool = True) -> Iterator[Database]:
    """The ledger.db of a workspace as it lies there, at one moment unless not wanted: no log is opened.

    It may be a copy from another host. A moment that is held open for long lets the file's log of writes grow.

    Raises:
        WorkspaceError: there is no such file.
        DamagedFileError: it cannot be read, which may come up late, inside the block.
    """
    file = folder_of(location).ledger_db
    if not file.is_file():
        raise WorkspaceError(f"there is no {file}: nothing was recorded in this workspace yet")
    try:
        _check_is_ledger(file)
        with closing(Database(file, durable=False)) as database:
            # Others may append meanwhile: one read transaction sees the file at one moment.
            if at_one_moment:
                database.reading().execute("BEGIN")
            yield database
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # even SQLite's messages may be damaged
        if getattr(error, "sqlite_errorname", "") in _CANNOT_OPEN:
            raise UnavailableError(f"{file} cannot be opened: {error}; check its folder and rights") from error
        raise DamagedFileError(f"{file} is damaged: {error}") from error


def _check_is_ledger(file: Path) -> None:
    # `Database` makes its tables where there are none, and a check must not change what it checks.
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            raise sqlite3.DatabaseError("it holds no ledger")
