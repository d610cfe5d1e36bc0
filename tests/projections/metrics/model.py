"""What the answers must be, told as plainly as can be: point by point, everything from the start."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from sys import float_info

from ledger.metrics import MetricSummary, Scalar, Series
from schemas.events import RunLoggedEvent

Told = tuple[str, RunLoggedEvent | None]
"""A writer, and its batch or an event that nobody can read."""


@dataclass
class Point:
    time: int
    step: int | None
    cells: dict[str, Scalar]


@dataclass
class Metric:
    """A metric as a list of points for each writer."""

    shown: str
    has_values: bool
    kinds: set[str] = field(default_factory=set)
    columns: list[str] = field(default_factory=list)
    writers: dict[str, list[Point]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        one, many = ("scalar", "list") if self.has_values else ("row", "table")
        return one if self.kinds == {one} else many

    def points(self, writers: Sequence[str]) -> list[Point]:
        """All points by time; a writer's clock never goes back."""
        found: list[tuple[int, int, Point]] = []
        for number, writer in enumerate(writers):
            latest = 0
            for point in self.writers.get(writer, []):
                latest = max(latest, point.time)
                found.append((latest, number, point))
        return [point for *_, point in sorted(found, key=lambda each: each[:2])]


@dataclass
class Model:
    """The metrics of one run."""

    writers: list[str] = field(default_factory=list)
    metrics: dict[tuple[str, bool], Metric] = field(default_factory=dict)

    def take(self, told: Told) -> None:
        writer, batch = told
        if writer not in self.writers:
            self.writers.append(writer)
        calls: list[tuple[int, Metric, Point]] = []
        for series in batch.series if batch else ():
            metric = self._metric(series.name, series.values is not None)
            columns = series.columns if series.values is None else {"": series.values}
            assert columns is not None
            metric.kinds.add(series.kind)
            metric.columns += [name for name in columns if name not in metric.columns]
            for place, index in enumerate(series.index):
                cells = {name: cells[place] for name, cells in columns.items()}
                step = series.steps[place] if series.steps else None
                calls.append((index, metric, Point(series.times[place], step, cells)))
        for _, metric, point in sorted(calls, key=lambda call: call[0]):
            metric.writers.setdefault(writer, []).append(point)

    def _metric(self, name: str, has_values: bool) -> Metric:
        if (name, has_values) not in self.metrics:
            shown = name
            while shown in {metric.shown for metric in self.metrics.values()}:
                shown += " (values)" if has_values else " (rows)"
            self.metrics[name, has_values] = Metric(shown, has_values)
        return self.metrics[name, has_values]

    def series(self, first: int | None = None, last: int | None = None) -> list[Series]:
        found = []
        for metric in self.metrics.values():
            points = [
                point
                for place, point in enumerate(metric.points(self.writers))
                if (first is None or first <= number(place, point)) and (last is None or number(place, point) <= last)
            ]
            columns = {name: [point.cells.get(name) for point in points] for name in metric.columns}
            found.append(
                Series(
                    metric.shown,
                    metric.kind,
                    [point.time for point in points],
                    [point.step for point in points],
                    columns.get("", []) if metric.has_values else None,
                    None if metric.has_values else columns,
                )
            )
        return found

    def summaries(self) -> list[MetricSummary]:
        found = []
        for metric in self.metrics.values():
            points = metric.points(self.writers)
            last = points[-1] if points else None
            row = {name: last.cells.get(name) for name in metric.columns} if last else None
            numbers = finite(point.cells[""] for point in points) if metric.has_values else []
            found.append(
                MetricSummary(
                    metric.shown,
                    metric.kind,
                    len(points),
                    row[""] if row and metric.has_values else row,
                    last.step if last else None,
                    last.time if last else None,
                    min(numbers, default=None),
                    max(numbers, default=None),
                )
            )
        return found


def number(place: int, point: Point) -> int:
    return place if point.step is None else point.step


def finite(values: Iterable[Scalar]) -> list[float]:
    numbers = (
        value for value in values if type(value) is float or (type(value) is int and abs(value) <= float_info.max)
    )
    return [number + 0.0 for number in numbers if isfinite(number)]  # a bound has no negative zero
