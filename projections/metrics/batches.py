"""What one batch brings to each metric."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from projections.metrics.columns import column_of, is_rising
from projections.metrics.points import VALUE, Points
from schemas.events.values import RunLoggedEvent, Series

VALUES, COLUMNS = "values", "columns"
"""The families of metrics: single values, and rows of cells."""

_KINDS: Mapping[str, tuple[str, str]] = {VALUES: ("scalar", "list"), COLUMNS: ("row", "table")}


class Key(NamedTuple):
    """What tells the metrics of a run apart."""

    name: str
    family: str


@dataclass(slots=True)
class Brought:
    """The points that a batch brings to a metric, and by which calls they were logged."""

    kinds: set[str] = field(default_factory=set)
    index: list[int] = field(default_factory=list)
    points: Points = field(default_factory=Points)

    def add(self, series: Series) -> None:
        """Take in one series."""
        points = _points(series)
        if self.kinds:
            self.points.extend(points)
        else:
            self.points = points  # as most often: one series of a metric in a batch
        self.kinds.add(series.kind)
        self.index += series.index

    def ordered(self) -> Points:
        """The points in the order of their calls."""
        if is_rising(self.index):
            return self.points
        return self.points.taken(sorted(range(len(self.index)), key=self.index.__getitem__))


def brought_by(batch: RunLoggedEvent) -> dict[Key, Brought]:
    """What a batch brings to each metric, in the order of first use."""
    found: dict[Key, Brought] = {}
    for series in batch.series:
        key = Key(series.name, COLUMNS if series.values is None else VALUES)
        found.setdefault(key, Brought()).add(series)
    return found


def joined_kind(family: str, kinds: Iterable[str]) -> str:
    """The kind of a metric that was logged by calls of these kinds; unheard-of ones count as those of many points."""
    one, many = _KINDS[family]
    return one if all(kind == one for kind in kinds) else many


def _points(series: Series) -> Points:
    cells = series.columns if series.values is None else {VALUE: series.values}
    steps = series.steps
    return Points(
        array("q", series.times),
        None if steps is None or steps.count(None) == len(steps) else column_of(list(steps)),
        {name: column_of(column) for name, column in (cells or {}).items()},
    )
