"""Lists of positions, each in order, and what all of them have in common, found by seeking in turns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from projections.audit.projection import ANYTHING
from projections.connection import Connection

_MARKED = "SELECT position FROM audit_marks WHERE name = ? AND position {0} ? ORDER BY position {1} LIMIT 1"
_CHANGED = (
    "SELECT position FROM audit_changes WHERE stream = ? AND field = ? AND position {0} ? ORDER BY position {1} LIMIT 1"
)


class Positions(Protocol):
    """Positions that something is about."""

    def seek(self, position: int) -> int | None:
        """The first one at a position or behind it in the direction of the list; None if there is none."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Positions that a table has."""

    connection: Connection
    statement: str
    values: tuple[int, ...]

    def seek(self, position: int) -> int | None:
        """The first one at a position or behind it."""
        row = self.connection.execute(self.statement, (*self.values, position)).fetchone()
        return row[0] if row else None


@dataclass(frozen=True, slots=True)
class Everything:
    """Every position of the log."""

    places: Callable[[int], Sequence[int]]

    def seek(self, position: int) -> int | None:
        """The first event at a position or behind it."""
        return next(iter(self.places(position)), None)


@dataclass(frozen=True, slots=True)
class Other:
    """What is not in a list, but in another."""

    among: Positions
    without: Positions
    step: int

    def seek(self, position: int) -> int | None:
        """The first one at a position or behind it."""
        found = self.among.seek(position)
        while found is not None and self.without.seek(found) == found:
            found = self.among.seek(found + self.step)
        return found


def marked(connection: Connection, name: int, *, backwards: bool) -> Positions:
    """What is about a name."""
    return Rows(connection, _MARKED.format(*_direction(backwards=backwards)), (name,))


def about(connection: Connection, stream: int, *, backwards: bool) -> Positions:
    """All that was done or refused to a stream."""
    return Rows(connection, _CHANGED.format(*_direction(backwards=backwards)), (stream, ANYTHING))


def _direction(*, backwards: bool) -> tuple[str, str]:
    return ("<=", "DESC") if backwards else (">=", "ASC")


class Seen(NamedTuple):
    """A position that every list has; or, when `agreed` is not so, where to look on."""

    position: int
    agreed: bool


def in_all(lists: Sequence[Positions], start: int, step: int, seeks: int) -> Iterator[Seen]:
    """The positions that are in every list, from `start` on; `step` is 1, or -1 backwards.

    After so many seeks it stops with a place to look on from; without one, there is nothing more.
    """
    position, agreed = start, 0
    for turn in range(seeks):
        found = lists[turn % len(lists)].seek(position)
        if found is None:
            return
        agreed = agreed + 1 if found == position and agreed else 1
        position = found
        if agreed == len(lists):
            yield Seen(position, agreed=True)
            position, agreed = position + step, 0
    yield Seen(position, agreed=False)
