"""What is folded from a few types of events in memory: read on before every answer, by whichever thread asks."""

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from ledger.feed import Feed, FeedEvent

_BATCH = 1_000


class _Kind(Protocol):
    def type_names(self) -> list[str]: ...


class Following:
    """Knows how far it was folded; threads may share it."""

    def __init__(self, feed: Feed, kinds: Iterable[_Kind], fold: Callable[[FeedEvent], None]) -> None:
        """Nothing is read before the first question; `fold` is given every event of these kinds, in order."""
        self._feed = feed
        self._types = tuple(name for kind in kinds for name in kind.type_names())
        self._fold = fold
        self._position = 0
        self._lock = threading.Lock()

    def read_on(self) -> None:
        """Fold what is new."""
        end = self._feed.last_position()
        if end <= self._position:
            return
        with self._lock:
            # Moved when all is folded: who sees it moved, and does not wait for the lock, misses nothing.
            position = self._position
            while found := self._feed.of_types(self._types, position, _BATCH):
                for event in found:
                    self._fold(event)
                position = found[-1].position
            self._position = max(position, end)
