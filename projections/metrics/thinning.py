"""A few marks for many points: neighbouring steps share a bucket."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from ledger.metrics import Bucket
from projections.metrics.columns import Column, finite, is_rising
from projections.metrics.points import Points

Slice = tuple[int, int]


def by_step(steps: Sequence[int], points: Points) -> tuple[Sequence[int], Points]:
    """Points in the order of their steps, and those steps."""
    order = order_of(steps)
    return (steps, points) if order is None else ([steps[place] for place in order], points.taken(order))


def order_of(places: Sequence[int]) -> list[int] | None:
    """The numbers of points in the order of their places; None if they are in order."""
    if isinstance(places, range) or is_rising(places):
        return None
    return sorted(range(len(places)), key=places.__getitem__)


def cut(steps: Sequence[int], buckets: int) -> list[Slice]:
    """Where rising steps are cut into at most so many buckets of one width; none is empty.

    Where there are no more points than buckets, each has its own.
    """
    if len(steps) <= buckets:
        return [(place, place + 1) for place in range(len(steps))]
    first, width = steps[0], steps[-1] - steps[0] + 1
    cuts = [bisect_left(steps, first + width * number // buckets) for number in range(buckets)]
    return [(start, end) for start, end in pairwise([*cuts, len(steps)]) if start < end]


def bucket(steps: Sequence[int], column: Column, place: Slice) -> Bucket:
    """The points of one slice as a mark."""
    start, end = place
    return Bucket(steps[start], steps[end - 1], end - start, *bounds(column, start, end))


def bounds(column: Column, start: int, end: int) -> tuple[float | None, float | None, float | None]:
    """Minimum, maximum and mean of the finite numbers of a slice; None where there are none."""
    part = column[start:end]
    if isinstance(part, array) and part:
        # As most often: one look tells that there is nothing but finite numbers.
        total = sum(part)
        if isfinite(total):
            return float(min(part)), float(max(part)), total / len(part)
    numbers = finite(part)
    return (float(min(numbers)), float(max(numbers)), _mean(numbers)) if numbers else (None, None, None)


def _mean(numbers: Sequence[float]) -> float:
    total = sum(numbers)
    # The sum of large numbers may be none.
    return total / len(numbers) if isfinite(total) else sum(number / len(numbers) for number in numbers)
