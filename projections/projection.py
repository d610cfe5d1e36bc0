"""What a projection is: a name, tables, and a function from events to rows."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from ledger.feed import FeedEvent
from projections.connection import Connection

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


def write(changes: Changes, connection: Connection) -> None:
    """Carry out changes, in the caller's transaction."""
    for change in changes:
        change(connection)
