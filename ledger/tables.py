"""What a client may ask about the whole history, to be answered in columns; light enough for a training process."""

from collections.abc import Sequence
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


class TableQueries(Protocol):
    """Answers in columns, which docs/analytics.md lists."""

    def table(self, query: TableQuery) -> "pyarrow.Table":
        """The rows in the order of the log; raises ModuleNotFoundError without pyarrow."""
