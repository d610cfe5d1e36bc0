"""Answers as tables of whatever library is asked for, which is loaded then."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pandas  # noqa: ICN001 - for the signature alone
    import polars  # noqa: ICN001
    import pyarrow  # noqa: ICN001

_INSTALLED_BY: Mapping[str, str] = {
    "pyarrow": "'runledger[parquet]'",
    "duckdb": "'runledger[parquet]' duckdb",
    "polars": "'runledger[parquet]' polars",
    "pandas": "'runledger[parquet]' pandas",
}


class Tabular:
    """What can be had as a table; it is asked for anew each time."""

    def to_arrow(self) -> "pyarrow.Table":
        """A table of Arrow; raises ModuleNotFoundError, which says what to install."""
        raise NotImplementedError

    def to_pandas(self) -> "pandas.DataFrame":
        """A DataFrame of pandas; raises ModuleNotFoundError, which says what to install."""
        library("pandas")
        return self.to_arrow().to_pandas()  # type: ignore[no-any-return]

    def to_polars(self) -> "polars.DataFrame":
        """A DataFrame of Polars; raises ModuleNotFoundError, which says what to install."""
        return library("polars").from_arrow(self.to_arrow())  # type: ignore[no-any-return]

    def to_duckdb(self, connection: "duckdb.DuckDBPyConnection | None" = None) -> "duckdb.DuckDBPyRelation":
        """A relation of DuckDB, in a connection or the default one; raises ModuleNotFoundError, as the others do."""
        duckdb = library("duckdb")
        return duckdb.from_arrow(self.to_arrow(), connection=connection or duckdb.default_connection())  # type: ignore[no-any-return]


class Table(Tabular):
    """Rows of the history, as `Workspace.events` and `metrics` find them; docs/analytics.md lists the columns."""

    def __init__(self, read: "Callable[[], Iterator[pyarrow.RecordBatch]]") -> None:
        """Read when somebody asks."""
        self._read = read

    def batches(self) -> "Iterator[pyarrow.RecordBatch]":
        """Rows in the order of the log, some at a time, for more than memory holds; one batch at least.

        Raises:
            ModuleNotFoundError: pyarrow is not installed; the message says what to install.
        """
        library("pyarrow")
        return self._read()

    def to_arrow(self) -> "pyarrow.Table":
        """A table of Arrow; raises ModuleNotFoundError, which says what to install."""
        pa = library("pyarrow")
        return pa.Table.from_batches(self.batches())


def library(name: str) -> Any:
    """A library that is loaded when somebody asks for its tables.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this needs {error.name}: pip install {_INSTALLED_BY[name]}", name=error.name
        ) from error


def arrow_of(rows: Sequence[Mapping[str, Any]]) -> "pyarrow.Table":
    """Rows of plain values as a table of Arrow; a column that mixes kinds of values is text."""
    pa = library("pyarrow")
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column(pa, [row.get(name) for row in rows]) for name in names})


def _column(pa: Any, cells: Iterable[Any]) -> Any:
    cells = list(cells)
    kinds = {type(cell) for cell in cells} - {type(None)}
    if len(kinds) > 1 and kinds != {int, float}:
        cells = [cell if cell is None else str(cell) for cell in cells]
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, OverflowError):  # an integer of more than 64 bits
        return pa.array([cell if cell is None else str(cell) for cell in cells])


def milliseconds(moment: datetime | None) -> int | None:
    """A moment as the log counts; without a zone it is local time."""
    return None if moment is None else int(moment.timestamp() * 1_000)
