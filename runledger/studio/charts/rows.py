"""Logged points as rows: of a table on a page, of a file of comma-separated values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.metrics import Series
from projections.metrics.charting import Chart
from runledger.spreadsheet import lines_of

_ROWS_AT_ONCE = 1_000


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
    yield lines_of([["step", "time", *names]])
    yield from map(lines_of, _points(series))


def csv_of_runs(found: Iterable[tuple[str, Series]]) -> Iterator[bytes]:
    """All points of several runs, a row a value, with the run, and the column of rows and tables."""
    yield lines_of([["run", "column", "step", "time", "value"]])
    for run_id, series in found:
        names = [""] if series.values is not None else list(series.columns or {})
        for points in _points(series):
            yield lines_of(
                [[run_id, name, *row[:2], cell] for row in points for name, cell in zip(names, row[2:], strict=True)]
            )


def _points(series: Series) -> Iterator[list[list[Any]]]:
    """Step, time and cells of some points at a time."""
    for start in range(0, len(series.times), _ROWS_AT_ONCE):
        end = start + _ROWS_AT_ONCE
        rows = zip(cells(series, start, end), series.times[start:end], strict=True)
        yield [[row[0], _moment(time), *row[1:]] for row, time in rows]


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _name(run_id: str, column: str | None, labels: dict[str, str]) -> str:
    return " · ".join(each for each in (labels.get(run_id), column) if each)
