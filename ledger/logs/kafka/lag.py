"""How far a reader is behind the end of its topics: in records, and in seconds since it was known to be there."""

from collections.abc import Mapping
from typing import NamedTuple

Spots = Mapping[tuple[str, int], int]


class _Goal(NamedTuple):
    at: float
    ends: Spots


class Lag:
    """Told where the ends are and how far was read, it says how far that is apart.

    The seconds also grow while nobody says where the end is, since then nothing is known.
    """

    def __init__(self, now: float) -> None:
        """Whoever just begins counts from now on."""
        self._reached_at = now
        self._goal: _Goal | None = None
        self._latest = _Goal(now, {})

    def told(self, asked_at: float, ends: Spots, progress: Spots) -> None:
        """The ends, as somebody was answered who asked at that time, and the next offsets to be read."""
        self._latest = _Goal(asked_at, ends)
        for goal in (self._goal, self._latest):
            if goal is not None and not _missing(goal.ends, progress):
                self._reached_at, self._goal = goal.at, None
        if self._goal is None and _missing(ends, progress):
            # The oldest end that was not reached is kept: newer ones would move on for ever.
            self._goal = self._latest

    def records(self, progress: Spots) -> int:
        """How many records are known to be there and not yet read."""
        return _missing(self._latest.ends, progress)

    def seconds(self, now: float) -> float:
        """How long ago all that was there was read."""
        return max(0.0, now - self._reached_at)


def _missing(ends: Spots, progress: Spots) -> int:
    return sum(max(0, end - progress.get(spot, 0)) for spot, end in ends.items())
