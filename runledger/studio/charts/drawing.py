"""Drawings of few numbers, laid out here and written as SVG by a template: they need no script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite, log10

WIDTH, HEIGHT = 520, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 34
_TICKS = 5
_MOST_POINTS = 2_000
# What is closer than this cannot be divided into ticks.
_LEAST = 1e-300

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from one to another along one side of a drawing, and where on it they lie, in pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a number lies."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers, each with where it lies and how it is written."""
        step = _round_step((self.high - self.low) / _TICKS)
        first = floor(self.low / step)
        values = [(first + number) * step for number in range(2 * _TICKS + 3)]
        return [(self.at(value), f"{value:.6g}") for value in values if self.low <= value <= self.high]


@dataclass(slots=True)
class Drawing:
    """Shapes in pixels over two spans; `name` of a shape is what it is called in the legend or when pointed at."""

    x: Span
    y: Span
    x_name: str = ""
    y_name: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    bars: list[tuple[float, float, float, float, str]] = field(default_factory=list)
    whiskers: list[tuple[float, float, float]] = field(default_factory=list)
    dots: list[tuple[float, float, str, str]] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT

    def line(self, points: Iterable[Point], name: str = "") -> None:
        """Draw through points."""
        self.lines.append((" ".join(f"{self.x.at(x)},{self.y.at(y)}" for x, y in points), name))

    def bar(self, start: float, end: float, value: float, name: str) -> None:
        """Draw a bar between two places, from zero."""
        left, right, top, ground = self.x.at(start), self.x.at(end), self.y.at(max(value, 0)), self.y.at(min(value, 0))
        self.bars.append((left + 0.5, top, max(right - left - 1, 0.5), round(ground - top, 2), name))

    def whisker(self, place: float, low: float, high: float) -> None:
        """Draw how far a value may be off."""
        self.whiskers.append((self.x.at(place), self.y.at(low), self.y.at(high)))

    def dot(self, point: Point, name: str, address: str = "") -> None:
        """Draw one point, which may lead somewhere."""
        self.dots.append((self.x.at(point[0]), self.y.at(point[1]), name, address))


def drawing(xs: Sequence[float], ys: Sequence[float], x_name: str = "", y_name: str = "") -> Drawing:
    """An empty drawing in which points at these places are seen; those that are not finite are not."""
    x = _span(xs, _LEFT, WIDTH - _RIGHT)
    return Drawing(x, _span(ys, HEIGHT - _BOTTOM, _TOP), x_name, y_name)


def thin(points: Sequence[Point]) -> list[Point]:
    """At most so many points as can be told apart, in their order; highest and lowest of neighbours stay."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    slices = _MOST_POINTS // 2
    found: list[Point] = []
    for number in range(slices):
        part = range(len(points) * number // slices, len(points) * (number + 1) // slices)
        ends = {choose(part, key=lambda place: points[place][1]) for choose in (min, max)}
        found += [points[place] for place in sorted(ends)]
    return found


def _span(values: Sequence[float], start: float, end: float) -> Span:
    found = [value for value in values if isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if high - low < _LEAST:
        half = (max(abs(low), abs(high)) if max(abs(low), abs(high)) > _LEAST else 1) / 2
        low, high = low - half, high + half
    return Span(low, high, start, end)


def _round_step(step: float) -> float:
    size = 10.0 ** floor(log10(step))
    return float(next(factor for factor in (1, 2, 5, 10) if factor * size >= step) * size)
