"""What projections and queries know of a store: statements go in, rows come out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from projections.dialect import Dialect


class Rows(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any:
        """The next row; None behind the last."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left, one by one."""


class Connection(Protocol):
    """A connection to the tables of a view, in whatever store.

    Statements are written once, as SQLite has them, and keep to what PostgreSQL has too. What the two say
    differently is in their dialects.
    """

    @property
    def dialect(self) -> Dialect:
        """What this store says in words of its own."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Run a statement with `?` for each parameter."""

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> object:
        """Run a statement that finds nothing for each of these."""

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""

    def keep_readers_out(self) -> None:
        """Let nobody else look at the tables until the end of this transaction, where that is not so anyway."""


class Document(str):
    """A text that no index holds, such as a document in JSON; it may be of any length."""

    __slots__ = ()
