"""How many events a rebuild takes at once: so many that their writing keeps nobody waiting for long."""

import time
from collections.abc import Callable

ALONE_SECONDS, SHARED_SECONDS = 0.4, 0.01
"""How long the lock is held for a batch, about: while nobody else writes, and while somebody does.

Alone it is long, since each batch writes the pages of indexes anew that it touches, and of large tables these are many.
"""

_REMEMBERED_SECONDS = 5.0
_LEAST_ALONE, _LEAST_SHARED, _MOST = 8_000, 500, 20_000
"""Smaller batches cost more: of 4,000 events a fifth more than of 20,000. A busy machine makes all of them slow."""


class Pace:
    """The size of the next batch, by how long the lock was held for the last one, and by who else writes."""

    def __init__(self, size: int, *, fixed: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with so many events; `fixed` keeps to them."""
        self.size = size
        self._fixed, self._clock = fixed, clock
        self._written: int | None = None
        self._shared_until = 0.0

    def held(self, seconds: float, events: int, written: int) -> None:
        """Learn how long the writing of a batch took, and a number that is another if others have written since."""
        now = self._clock()
        if self._written not in {None, written}:
            self._shared_until = now + _REMEMBERED_SECONDS
        self._written = written
        if not self._fixed and events:
            self.size = next_size(self.size, seconds / events, shared=now < self._shared_until)


def next_size(size: int, seconds_per_event: float, *, shared: bool) -> int:
    """How many events fit, at most twice as many as before."""
    seconds, least = (SHARED_SECONDS, _LEAST_SHARED) if shared else (ALONE_SECONDS, _LEAST_ALONE)
    return min(max(round(seconds / max(seconds_per_event, 1e-9)), least), size * 2, _MOST)
