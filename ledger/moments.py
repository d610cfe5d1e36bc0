"""A moment of the whole ledger as a person names it: a position, or a time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from ledger.errors import InvalidNameError, MomentAheadError
from ledger.feed import Feed

AHEAD_SECONDS = 60.0
"""So far may the clock of who asks be before ours."""

_DIGITS = 18
_WAY_OUT = "name an earlier moment, or none for how things are now"


def place_of(feed: Feed, moment: str) -> int:
    """The position that a moment of the whole ledger means: itself, or the last one that was recorded by a time.

    Raises:
        InvalidNameError: it is neither.
        MomentAheadError: it has not come yet.
    """
    found = known_place(feed, moment)
    if found is None:
        raise InvalidNameError(
            f"{moment[:40]!r} is no moment of the ledger: name a position such as 17, or a time such as "
            "2026-03-01T12:00:00Z"
        )
    return found


def time_of(feed: Feed, moment: str) -> int:
    """When the ledger had got to a moment of it, in epoch milliseconds: a time is itself.

    A position is there from the time at which it was recorded on. Raises what `place_of` raises.
    """
    position = place_of(feed, moment)
    if _position(moment) is None:
        return _time(moment) or 0
    before = feed.places(position, 1, backwards=True)
    event = feed.at(before[0]) if before else None
    return -1 if event is None else event.recorded_at


def known_place(feed: Feed, moment: str, *, now: Callable[[], float] = time.time) -> int | None:
    """As `place_of`; None for what is neither."""
    position = _position(moment)
    if position is not None:
        last = feed.last_position()
        if position > last:
            raise MomentAheadError(f"there is no position {position:,} yet: the ledger ends at {last:,}; {_WAY_OUT}")
        return position
    milliseconds = _time(moment)
    if milliseconds is None:
        return None
    if milliseconds > (now() + AHEAD_SECONDS) * 1_000:
        raise MomentAheadError(f"{moment[:40]} has not come yet; {_WAY_OUT}")
    return feed.position_at(milliseconds)


def _position(moment: str) -> int | None:
    return int(moment) if moment.isascii() and moment.isdecimal() and len(moment) <= _DIGITS else None


def _time(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
