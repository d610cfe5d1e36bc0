"""What goes wrong with PostgreSQL, in words that name the database and the way out, and never a password."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from ledger.errors import UnavailableError, WorkspaceError

LOCK_SECONDS = 60
_CANNOT_NOW = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
)


@contextmanager
def clear_errors(name: str, cure: str) -> Iterator[None]:
    """Say what went wrong with the database of this name, and what to do."""
    try:
        yield
    except _CANNOT_NOW as error:
        raise UnavailableError(_cause(name, error)) from error
    except errors.InsufficientPrivilege as error:
        raise WorkspaceError(
            f"the user of {name} lacks a right ({_said(error)}): it makes a schema of its own, for which it needs "
            "CREATE on the database, or the schema made for it"
        ) from error
    except psycopg.IntegrityError:
        raise
    except psycopg.DatabaseError as error:
        raise WorkspaceError(f"{name} is damaged or not what it should be: {_said(error)}; {cure}") from error


def _cause(name: str, error: psycopg.Error) -> str:
    match error:
        case errors.LockNotAvailable():
            return f"{name} was locked by another server for {LOCK_SECONDS} s; nothing was stored"
        case errors.DiskFull() | errors.OutOfMemory() | errors.TooManyConnections():
            return f"{name} has no room ({_said(error)}); nothing was stored. Make room and try again"
        case errors.ReadOnlySqlTransaction():
            return f"{name} takes no writes: it is a replica. Name the first server in RUNLEDGER_VIEWS"
        case _:
            return f"{name} cannot be used now: {_said(error)}; nothing was stored. Is the server running?"


def _said(error: psycopg.Error) -> str:
    lines = str(error.diag.message_primary or error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
