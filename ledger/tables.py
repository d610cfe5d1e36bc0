"""What a client may ask about the whole history, to be answered in columns; light enough for a training process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import pyarrow  # noqa: ICN001 - for the signature alone

TableName: TypeAlias = Literal["events", "metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """Rows of a table, all conditions of which hold.

    Of runs if any are named, of one experiment, of one metric; recorded from `since` on and before
    `until`, in epoch milliseconds.
    """

    table: TableName
    run_ids: Sequence[str] = ()
    experiment: str | None = None
    metric: str | None = None
    since: int | None = None
    until: int | None = None


Told: TypeAlias = Callable[[int, int], None]
"""Hears how many records were read, and how many there are to read."""

PAGE = b"runledger.page"
"""Where the schema of a page that a server sends has, as JSON, the `cursor` of the next one, `read` and `total`."""


def unheard(_: int, __: int) -> None:
    """For who does not want to hear it."""


class TableQueries(Protocol):
    """Answers in columns, which docs/analytics.md lists."""

    def table(self, query: TableQuery, told: Told = unheard) -> "Iterator[pyarrow.RecordBatch]":
        """The rows in the order of the log, some at a time; raises ModuleNotFoundError without pyarrow."""
