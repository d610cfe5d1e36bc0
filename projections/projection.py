"""What a projection is: a name, tables, and a function from events to rows."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Protocol, runtime_checkable

from ledger.feed import FeedEvent
from projections.connection import Connection

_ROWS = 100

Changes = Sequence[Callable[[Connection], object]]
"""What is written, in this order."""


class Projection(Protocol):
    """A function from events to a view.

    `apply` must not fail on any sequence of accepted events, and must give the same rows however
    the events are cut into batches: live and replay are one code path.
    """

    name: str
    version: int
    tables: tuple[str, ...]
    """Names by which queries know the tables; a generation of them has its number behind each."""

    def schema(self, suffix: str) -> str:
        """The statements that make one generation of the tables, with `suffix` behind each name."""

    def apply(self, events: Sequence[FeedEvent], connection: Any, suffix: str) -> None:
        """Take in events, in the caller's transaction, by the connection of the view's store.

        Ours know a `projections.connection.Connection`; one's own are in SQLite, and get a `sqlite3.Connection`.
        """


class Fold(Protocol):
    """From events to changes of one generation of tables, batch by batch; what it has read it may remember.

    Every change must have been written before the next batch, and nobody else may write between the two.
    """

    def take(self, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        """What events change; this reads and writes nothing, so that it needs no lock."""


@runtime_checkable
class Folding(Protocol):
    """A projection that tells reading from writing: a rebuild keeps others waiting for the writing alone."""

    def fold(self, suffix: str) -> Fold:
        """A fold of one generation of the tables."""


def many(statement: str, values: Sequence[tuple[Any, ...]]) -> Callable[[Connection], object]:
    """The change of a statement that is run for each of these."""
    return lambda connection: connection.executemany(statement, values) if values else None


def rows(statement: str, values: Sequence[tuple[Any, ...]]) -> Callable[[Connection], object]:
    """As `insert`, as a change."""
    return lambda connection: insert(connection, statement, values)


def insert(connection: Connection, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
    """Run an INSERT with `{rows}` for its VALUES, a hundred rows at once: that halves its time.

    No two of the rows may be the same one of the table.
    """
    if not values:
        return
    row = f"({', '.join('?' * len(values[0]))})"
    whole = len(values) // _ROWS * _ROWS
    pieces = (values[start : start + _ROWS] for start in range(0, whole, _ROWS))
    connection.executemany(
        statement.format(rows=", ".join([row] * _ROWS)), [list(chain.from_iterable(piece)) for piece in pieces]
    )
    connection.executemany(statement.format(rows=row), values[whole:])


def write(changes: Changes, connection: Connection) -> None:
    """Carry out changes, in the caller's transaction."""
    for change in changes:
        change(connection)
