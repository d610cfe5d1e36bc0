"""Logged points as rows: of a table on a page, of a file of comma-separated values."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.metrics import Series
from projections.metrics.charting import Chart

_ROWS_AT_ONCE = 1_000
# A program for tables takes such a text for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Marks:
    """A chart as a table: a row a mark and line."""

    chart: Chart
    rows: Sequence[tuple[str, float, float | None, float | None, float | None, int]]


def marks(chart: Chart, labels: dict[str, str]) -> Marks:
    """Line, place, mean, minimum, maximum and count of each mark that has points."""
    rows = [
        (_name(line.run_id, line.column, labels), x, line.mean[n], line.minimum[n], line.maximum[n], line.count[n])
        for line in chart.lines
        for n, x in enumerate(chart.x)
        if line.count[n]
    ]
    return Marks(chart, rows)


def cells(series: Series, start: int = 0, end: int | None = None) -> list[list[Any]]:
    """Rows of step and values, or of step and each column."""
    columns = [series.values] if series.values is not None else list((series.columns or {}).values())
    return [[*row] for row in zip(series.steps[start:end], *(column[start:end] for column in columns), strict=True)]


def csv_of(series: Series) -> Iterator[bytes]:
    """All points, exactly as they were logged, with step and time."""
    names = ["value"] if series.values is not None else list(series.columns or {})
    yield _written([["step", "time", *map(_harmless, names)]])
    for start in range(0, len(series.times), _ROWS_AT_ONCE):
        end = start + _ROWS_AT_ONCE
        rows = zip(cells(series, start, end), series.times[start:end], strict=True)
        yield _written([[row[0], _moment(time), *map(_harmless, row[1:])] for row, time in rows])


def _written(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="replace")


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _name(run_id: str, column: str | None, labels: dict[str, str]) -> str:
    return " · ".join(each for each in (labels.get(run_id), column) if each)
