"""Points of one metric in columns, and the merging of what several writers logged."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from ledger.store.packing import pack, unpack
from projections.metrics.columns import Column, is_rising, joined, taken
from projections.metrics.packing import pack_column, unpack_column

VALUE = ""
"""The only cell of a metric that has values and no columns."""

_BEYOND = 1 << 63


def _no_times() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Points:
    """Times in epoch microseconds, steps (None where no point has one), and cells by column."""

    times: "array[int]" = field(default_factory=_no_times)
    steps: "Column | None" = None
    cells: dict[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    def extend(self, more: "Points") -> None:
        """Put other points behind these; a cell that one side lacks is None."""
        before, come = len(self), len(more)
        if self.steps is not None or more.steps is not None:
            self.steps = joined(_or_nones(self.steps, before), _or_nones(more.steps, come))
        for name in dict.fromkeys((*self.cells, *more.cells)):
            self.cells[name] = joined(_or_nones(self.cells.get(name), before), _or_nones(more.cells.get(name), come))
        self.times.extend(more.times)

    def taken(self, places: Sequence[int]) -> "Points":
        """The points at these places, in their order."""
        return Points(
            array("q", map(self.times.__getitem__, places)),
            None if self.steps is None else taken(self.steps, places),
            {name: taken(column, places) for name, column in self.cells.items()},
        )

    def numbers(self) -> Sequence[int]:
        """The step of each point; one without counts by its place, from 0."""
        if self.steps is None:
            return range(len(self))
        if isinstance(self.steps, array):
            return self.steps
        return [place if step is None else step for place, step in enumerate(self.steps)]


def within(points: Points, first: int | None, last: int | None) -> tuple[Sequence[int], Points]:
    """The points from one step to another, both included, and the step by which each counts."""
    steps = points.numbers()
    if first is None and last is None:
        return steps, points
    low, high = -_BEYOND if first is None else first, _BEYOND if last is None else last
    places = [place for place, step in enumerate(steps) if low <= step <= high]
    return [steps[place] for place in places], points.taken(places)


def pack_cells(cells: Mapping[str, Column]) -> bytes:
    """The bytes of all cells."""
    return pack(part for name, column in cells.items() for part in (name.encode(), pack_column(column)))


def unpack_cells(packed: bytes) -> dict[str, Column]:
    """The cells that were packed."""
    parts = unpack(packed)
    return {name.decode(): unpack_column(column) for name, column in zip(parts[::2], parts[1::2], strict=True)}


def merged(writers: Sequence[Points]) -> Points:
    """The points of several writers by time, each writer's in its own order; they are used up.

    A clock that was set back does not reorder a writer's points: each counts as no earlier than
    those before it. At one moment the earlier writer comes first.
    """
    if len(writers) == 1:
        return writers[0]
    moments: list[int] = []
    whole = Points()
    for points in writers:
        moments.extend(points.times if is_rising(points.times) else accumulate(points.times, max))
        whole.extend(points)
    if is_rising(moments):
        return whole
    return whole.taken(sorted(range(len(moments)), key=moments.__getitem__))


def _or_nones(column: Column | None, count: int) -> Column:
    return [None] * count if column is None else column
