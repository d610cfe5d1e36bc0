"""Stretches of the usual order: what is rare is not sought without end, and words are looked up a stretch at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from projections.connection import Connection
from projections.runs.ordering import Order, Placed
from projections.sql import Sql

FIRST, FURTHER = 1_000, 30_000
"""How many runs a stretch has: where many match a page is full after the first, and each pays for its start."""

_ALL = 1 << 62
"""For who does not ask: no run has so great a number."""


@dataclass(frozen=True, slots=True)
class Window:
    """The runs of some ways `between` two places of an order; `end` is the last one's, None at the end of all."""

    between: Sql
    end: Placed | None
    lowest: int
    highest: int
    """The least and the greatest number of these runs."""


def windows(
    connection: Connection,
    ways: Sequence[Sql],
    order: Order,
    place: Placed | None,
    within: int | None,
    first: int | None = None,
    *,
    numbered: bool = True,
) -> Iterator[Window]:
    """Stretches behind a place, one behind the other, until about so many runs are in them or no more are there.

    Which numbers their runs have is found out if they are `numbered`: it takes a look at each.
    """
    left = within
    for most in chain([first or FIRST], repeat(FURTHER)):
        size = most if left is None else min(most, left)
        window = _window(connection, ways, order, place, size, numbered=numbered)
        yield window
        left = None if left is None else left - size
        place = window.end
        if place is None or left == 0:
            return


def behind(order: Order, place: Placed | None) -> Sql:
    """The condition that a run comes behind a place."""
    return Sql("") if place is None else Sql(f" AND (a.created, a.run) {order.beyond} (?, ?)", place[1:])


def _window(
    connection: Connection, ways: Sequence[Sql], order: Order, place: Placed | None, size: int, *, numbered: bool
) -> Window:
    end = _end(connection, ways, order, place, size)
    back = {"<": ">=", ">": "<="}[order.beyond]
    until = Sql("") if end is None else Sql(f" AND (a.created, a.run) {back} (?, ?)", end[1:])
    between = behind(order, place) + until
    if not numbered:
        return Window(between, end, 0, _ALL)
    bounds = [
        connection.execute(*(Sql("SELECT min(a.run), max(a.run) FROM ") + way + between)).fetchone() for way in ways
    ]
    there = [row for row in bounds if row[0] is not None]
    return Window(between, end, min((row[0] for row in there), default=0), max((row[1] for row in there), default=0))


def _end(connection: Connection, ways: Sequence[Sql], order: Order, place: Placed | None, size: int) -> Placed | None:
    """The nearest of the places up to which each way has its share of runs."""
    share = max(size // len(ways), 1)
    rest = Sql(f" ORDER BY a.created {order.down}, a.run {order.down} LIMIT 1 OFFSET ?", [share - 1])
    parts = [Sql("SELECT a.created, a.run FROM ") + way + behind(order, place) + rest for way in ways]
    found = [row for part in parts for row in connection.execute(*part)]
    if not found:
        return None
    return Placed(None, *(max(found) if order.descending else min(found)))
