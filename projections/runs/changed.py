"""Which runs were there at a position, and which of those have changed since.

A run is the stretch from its first position to the one before its last: at these it was there, and was
not yet what it is now. Stretches that hold a position are found by an index alone, as in a relational
interval tree (Kriegel, Pötke, Seidl 2000): a stretch is kept at its `fork`, the position in it that is
divisible by the highest power of two, and each stretch that holds a position has one of a few forks.
"""

from typing import NamedTuple

from ledger.feed import Feed, FeedEvent
from projections.connection import Connection
from projections.sql import Sql
from schemas.events import OpaqueEvent

_BITS = 62
_HELD = "SELECT r.run, r.run_id, r.number FROM runs r WHERE "
_WITHIN = " AND r.first <= ? AND r.last > ? ORDER BY r.run LIMIT ?"


class Changed(NamedTuple):
    """A run that has changed since: its number in the table, its id, and its number in its experiment."""

    run: int
    run_id: str
    number: int


class There(NamedTuple):
    """The runs that were there: those with numbers up to `last`, created at `latest` or before."""

    last: int
    latest: int


def fork_of(first: int, last: int) -> int | None:
    """Where the stretch from `first` to before `last` is kept; None if it is empty."""
    if first >= last:
        return None
    # What differs between the place before the stretch and its end begins at the bit of the fork.
    bit = ((first - 1) ^ (last - 1)).bit_length() - 1
    return (last - 1) >> bit << bit


def forks_at(position: int) -> list[int]:
    """The forks of all stretches that can hold a position."""
    # Of each power of two the odd multiple at most so far away: behind it lies one of a higher power.
    return [((position >> bit) | 1) << bit for bit in range(_BITS)]


def changed_since(connection: Connection, position: int, most: int) -> list[Changed]:
    """Up to `most` runs that were there at a position, and of which something happened behind it."""
    held = Sql(_HELD) + connection.dialect.among("r.fork", forks_at(position))
    rows = connection.execute(*(held + Sql(_WITHIN, [position, position, most])))
    return [Changed(*row) for row in rows]


def there_at(connection: Connection, position: int) -> There | None:
    """The runs that were there at a position; None if none was. Runs are numbered as they began."""
    low, high = 0, connection.execute("SELECT coalesce(max(run), 0) FROM runs").fetchone()[0]
    found = None
    while low < high:
        run = (low + high + 1) // 2
        first, latest = connection.execute("SELECT first, latest FROM runs WHERE run = ?", (run,)).fetchone()
        if first <= position:
            low, found = run, There(run, latest)
        else:
            high = run - 1
    return found


def known_of_run(feed: Feed, run_id: str, position: int) -> list[FeedEvent]:
    """What the tables know of a run as of a position: what this program cannot read is in no view either."""
    events = (event for event in feed.of_run(run_id) if event.position <= position)
    return [event for event in events if not isinstance(event.event, OpaqueEvent)]
