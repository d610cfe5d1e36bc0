"""The marks of a chart, which all of its lines share: so lines of many runs lie over one another."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from math import log as ln

Places = Sequence[int]
"""Where the points of a line lie, rising: steps, or microseconds."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The points of a line from place number `start` to `end`; its zero is `base`, and `hidden` cannot be shown."""

    places: Places
    base: int
    start: int
    end: int
    hidden: int = 0

    @property
    def low(self) -> int:
        """Where the first of them lies, seen from its zero."""
        return self.places[self.start] - self.base

    @property
    def high(self) -> int:
        """Where the last of them lies."""
        return self.places[self.end - 1] - self.base

    def __len__(self) -> int:
        return self.end - self.start

    def cuts(self, starts: Sequence[float]) -> list[int]:
        """The number of the first point of each mark, and at the end how many points there are."""
        places, base, low, high = self.places, self.base, self.start, self.end
        return [*(bisect_left(places, start + base, low, high) for start in starts), high]


def lane(places: Places, base: int, first: int | None, last: int | None, *, positive: bool) -> Lane:
    """The points from one place to another, both included; `positive` ones alone on a logarithmic axis."""
    start = 0 if first is None else bisect_left(places, first + base)
    end = len(places) if last is None else bisect_right(places, last + base)
    hidden = bisect_right(places, base) if positive else 0
    start = max(start, hidden)
    return Lane(places, base, start, max(start, end), hidden)


def starts_of(lanes: Sequence[Lane], buckets: int, *, logarithmic: bool) -> list[float]:
    """Where at most so many marks begin.

    Where there are no more places than marks each has its own; else marks have one width, on a
    logarithmic axis one ratio.
    """
    found = [each for each in lanes if len(each)]
    if not found:
        return []
    if max(map(len, found)) <= buckets:
        exact = {place - each.base for each in found for place in each.places[each.start : each.end]}
        if len(exact) <= buckets:
            return sorted(exact)
    low, high = min(each.low for each in found), max(each.high for each in found)
    if logarithmic:
        ratio = ln((high + 1) / low) / buckets
        return [low * exp(number * ratio) for number in range(buckets)]
    width = high - low + 1
    return [low + width * number // buckets for number in range(buckets)]
