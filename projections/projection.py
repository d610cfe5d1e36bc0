"""What a projection is: a name, tables, and a function from events to rows."""

from collections.abc import Sequence
from typing import Any, Protocol

from ledger.feed import FeedEvent


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
