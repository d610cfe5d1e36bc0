"""Lists of positions, each in order, and what all of them have in common, found block by block."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from projections.audit.projection import ANYTHING
from projections.connection import Connection

_MARKED = "SELECT position FROM audit_marks WHERE name = ? AND position {0} ? ORDER BY position {1} LIMIT ?"
_CHANGED = (
    "SELECT position FROM audit_changes WHERE stream = ? AND field = ? AND position {0} ? ORDER BY position {1} LIMIT ?"
)
_LARGEST, _SMALLEST = 4_096, 8
_A_STATEMENT = 30
"""What asking for a block costs, in rows."""


class Positions(Protocol):
    """Positions that something is about, in the direction of the page."""

    def block(self, position: int, limit: int) -> Sequence[int]:
        """The first ones at a position or behind it, up to `limit`."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Positions that a table has."""

    connection: Connection
    statement: str
    values: tuple[int, ...]

    def block(self, position: int, limit: int) -> Sequence[int]:
        """The first ones at a position or behind it."""
        rows = self.connection.execute(self.statement, (*self.values, position, limit)).fetchall()
        return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class Everything:
    """Every position of the log."""

    places: Callable[[int, int], Sequence[int]]

    def block(self, position: int, limit: int) -> Sequence[int]:
        """The first events at a position or behind it."""
        return self.places(position, limit)


@dataclass(frozen=True, slots=True)
class Few:
    """Positions that are known, in order; `step` is 1, or -1 backwards."""

    positions: Sequence[int]
    step: int

    def block(self, position: int, limit: int) -> Sequence[int]:
        """The first ones at a position or behind it."""
        first = bisect_left(self.positions, position * self.step, key=lambda each: each * self.step)
        return self.positions[first : first + limit]


def marked(connection: Connection, name: int, *, backwards: bool) -> Positions:
    """What is about a name."""
    return Rows(connection, _MARKED.format(*_direction(backwards=backwards)), (name,))


def about(connection: Connection, stream: int, *, backwards: bool) -> Positions:
    """All that was done or refused to a stream."""
    return Rows(connection, _CHANGED.format(*_direction(backwards=backwards)), (stream, ANYTHING))


def _direction(*, backwards: bool) -> tuple[str, str]:
    return ("<=", "DESC") if backwards else (">=", "ASC")


class Span(NamedTuple):
    """From one position to another, both included; backwards where the first is the later one."""

    start: int
    end: int
    step: int

    def is_within(self, position: int) -> bool:
        """Whether a position lies before the end."""
        return (self.end - position) * self.step >= 0

    def count(self, positions: Sequence[int]) -> int:
        """How many of positions in order lie before the end."""
        return bisect_right(positions, self.end * self.step, key=lambda each: each * self.step)

    def nearest(self, positions: Sequence[int]) -> int:
        """The one that is reached first."""
        return min(positions, key=lambda each: each * self.step)

    def furthest(self, positions: Sequence[int]) -> int:
        """The one that is reached last."""
        return max(positions, key=lambda each: each * self.step)


class Reach(NamedTuple):
    """How far a page looks: rows of the lists in all, and how many of each are read at first."""

    rows: int
    first: int


class Stretch(NamedTuple):
    """The positions that every list has in a part of the span, and where to look on; None at its end."""

    found: Sequence[int]
    behind: int | None


def in_all(lists: Sequence[Positions], without: Sequence[Positions], span: Span, reach: Reach) -> Iterator[Stretch]:
    """The positions of a span that are in every list and in none of `without`.

    It ends where so many rows were read, at least once. A block is the larger the more all lists have where the last
    one lay: so a rare name leads through frequent ones in steps, and frequent ones are read as they lie.
    """
    position, size, rows = span.start, reach.first, 0
    while rows < reach.rows:
        read = [some.block(position, size) for some in (*lists, *without)]
        blocks = [block[: span.count(block)] for block in read]
        rows += sum(_A_STATEMENT + len(block) for block in blocks)
        asked, absent = blocks[: len(lists)], blocks[len(lists) :]
        if not all(asked):
            return
        # Behind the nearest end of a full block it is not known what that list has.
        ends = [block[-1] for block in blocks if len(block) == size]
        horizon = span._replace(end=span.nearest(ends) if ends else span.end)
        found = set(asked[0]).intersection(*asked[1:]).difference(*absent)
        behind = _behind(asked, horizon, size) if ends else None
        yield Stretch(sorted(filter(horizon.is_within, found), key=lambda each: each * span.step), behind)
        if behind is None or not span.is_within(behind):
            return
        size, position = _next_size(size, min(map(horizon.count, asked))), behind


def _behind(blocks: Sequence[Sequence[int]], horizon: Span, size: int) -> int | None:
    """Where all lists may agree next: the furthest of their first positions behind the horizon.

    None if one list has nothing more.
    """
    nexts = []
    for block in blocks:
        count = horizon.count(block)
        if count == len(block) < size:
            return None
        nexts.append(block[count] if count < len(block) else horizon.end + horizon.step)
    return horizon.furthest(nexts)


def _next_size(size: int, used: int) -> int:
    if used * 2 >= size:
        return min(size * 4, _LARGEST)
    return max(size // 4, _SMALLEST) if used * 8 < size else size
