"""Charts of logged values: a few marks for any number of points, each with its bounds, mean and count."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from projections.metrics.batches import VALUES
from projections.metrics.columns import Column, is_numeric, taken
from projections.metrics.grid import Lane, Places, lane, starts_of
from projections.metrics.points import VALUE, Points
from projections.metrics.rows import Metric
from projections.metrics.thinning import bounds, order_of


class Axis(StrEnum):
    """What a chart has from left to right; relative ones count from a run's first step, or its start."""

    STEP = "step"
    RELATIVE_STEP = "relative-step"
    TIME = "time"
    RELATIVE_TIME = "relative-time"


class Scale(StrEnum):
    """How the marks of a chart are spread; on a logarithmic axis there is nothing at or left of zero."""

    LINEAR = "linear"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartQuery:
    """Which metrics of which runs, a chart a metric, from one place on the axis to another, both included.

    Times are microseconds: since 1970 UTC, or since the start of the run, which `began` tells. A point
    without a step counts by its place in its series, from 0. With `as_of`, as in `SeriesQuery`, those by then.
    """

    run_ids: Sequence[str]
    names: Sequence[str]
    axis: Axis = Axis.STEP
    scale: Scale = Scale.LINEAR
    first: int | None = None
    last: int | None = None
    began: Mapping[str, int] = field(default_factory=dict)
    buckets: int = 500
    as_of: str | None = None


@dataclass(slots=True)
class Line:
    """A metric of a run, or one column of it: lists as long as the chart's `x`, None where there is no number.

    `points` is how many points it has in all, `left_out` how many of them the axis cannot show.
    """

    run_id: str
    column: str | None
    points: int
    left_out: int
    count: list[int] = field(default_factory=list)
    minimum: list[float | None] = field(default_factory=list)
    maximum: list[float | None] = field(default_factory=list)
    mean: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over marks that they share: `x` is the middle of each; `end` is where the last point lies.

    `exact` says that each mark stands for one place alone: there is nothing more to see by zooming in.
    """

    name: str
    x: Sequence[float]
    exact: bool
    end: int | None
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Source:
    """A metric of a run with all of its points."""

    run_id: str
    metric: Metric
    points: Points


def chart(name: str, sources: Sequence[Source], query: ChartQuery) -> Chart:
    """The chart of one metric, a line a run, or of rows and tables a line a column that has numbers."""
    found = [_Laid.of(source, query) for source in sources]
    starts = starts_of([each.lane for each in found], query.buckets, logarithmic=query.scale == Scale.LOG)
    cuts = [each.lane.cuts(starts) for each in found]
    marks = [number for number in range(len(starts)) if any(cut[number] < cut[number + 1] for cut in cuts)]
    ends = [_ends(number, found, cuts) for number in marks]
    x = [low if low == high else (low + high) / 2 for low, high in ends]
    exact = all(low == high for low, high in ends)
    lines = [line for each, cut in zip(found, cuts, strict=True) for line in each.lines(cut, marks)]
    return Chart(name, x, exact, max((each.lane.high for each in found if len(each.lane)), default=None), lines)


@dataclass(frozen=True, slots=True)
class _Laid:
    """A source, its points in the order of the axis."""

    source: Source
    cells: Mapping[str, Column]
    lane: Lane

    @classmethod
    def of(cls, source: Source, query: ChartQuery) -> "_Laid":
        points = source.points
        timed = query.axis in {Axis.TIME, Axis.RELATIVE_TIME}
        places: Places = points.times if timed else points.numbers()
        cells: Mapping[str, Column] = points.cells
        order = order_of(places)
        if order is not None:
            places = [places[place] for place in order]
            cells = {name: taken(column, order) for name, column in cells.items()}
        base = 0
        if query.axis == Axis.RELATIVE_STEP and places:
            base = places[0]
        elif query.axis == Axis.RELATIVE_TIME:
            base = query.began.get(source.run_id, places[0] if places else 0)
        return cls(source, cells, lane(places, base, query.first, query.last, positive=query.scale == Scale.LOG))

    def lines(self, cut: Sequence[int], marks: Sequence[int]) -> Iterator[Line]:
        for name, column in self._columns():
            line = Line(self.source.run_id, name, len(self.source.points), self.lane.hidden)
            for number in marks:
                start, end = cut[number], cut[number + 1]
                low, high, mean = bounds(column, start, end)
                line.count.append(end - start)
                line.minimum.append(low)
                line.maximum.append(high)
                line.mean.append(mean)
            yield line

    def _columns(self) -> list[tuple[str | None, Column]]:
        metric = self.source.metric
        if metric.family == VALUES:
            return [(None, self.cells.get(VALUE, []))]
        return [(name, self.cells[name]) for name in metric.columns if is_numeric(self.cells.get(name, []))]


def _ends(mark: int, found: Sequence[_Laid], cuts: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The places of the first and the last point of a mark."""
    ends = [
        (each.lane.places[cut[mark]] - each.lane.base, each.lane.places[cut[mark + 1] - 1] - each.lane.base)
        for each, cut in zip(found, cuts, strict=True)
        if cut[mark] < cut[mark + 1]
    ]
    return min(low for low, _ in ends), max(high for _, high in ends)


def chart_to(chart: Chart) -> dict[str, Any]:
    """A chart as plain JSON."""
    return _shallow(chart) | {"lines": [_shallow(line) for line in chart.lines]}


def _shallow(value: Any) -> dict[str, Any]:
    # `dataclasses.asdict` would copy each number.
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
