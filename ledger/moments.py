"""A moment of the whole ledger as a person names it: a position, or a time."""

from datetime import UTC, datetime

from ledger.errors import InvalidNameError
from ledger.feed import Feed

_DIGITS = 18


def place_of(feed: Feed, moment: str) -> int:
    """The position that a moment of the whole ledger means: itself, or the last one that was recorded by a time.

    Raises:
        InvalidNameError: it is neither.
    """
    found = known_place(feed, moment)
    if found is None:
        raise InvalidNameError(
            f"{moment[:40]!r} is no moment of the ledger: name a position such as 17, or a time such as "
            "2026-03-01T12:00:00Z"
        )
    return found


def time_of(feed: Feed, moment: str) -> int | None:
    """When the ledger had got to a moment of it, in epoch milliseconds: a time is itself; None for a later one.

    A position is there from the time at which it was recorded on; one that is not there yet is later.

    Raises:
        InvalidNameError: it is neither a position nor a time.
    """
    time = _time(moment)
    if time is not None and _position(moment) is None:
        return time
    position = place_of(feed, moment)
    if position > feed.last_position():
        return None
    before = feed.places(position, 1, backwards=True)
    event = feed.at(before[0]) if before else None
    return -1 if event is None else event.recorded_at


def _position(moment: str) -> int | None:
    return int(moment) if moment.isascii() and moment.isdecimal() and len(moment) <= _DIGITS else None


def known_place(feed: Feed, moment: str) -> int | None:
    """As `place_of`; None for what is neither."""
    position = _position(moment)
    if position is not None:
        return position
    time = _time(moment)
    return None if time is None else feed.position_at(time)


def _time(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
