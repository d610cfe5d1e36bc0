"""Moments in `recorded_at` at which something is due, in one order for everybody."""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush

Key = Hashable

NEVER = 2**63

_SPARE = 1_000


class Timers:
    """One moment for each key; of those due at the same moment, the one that was set first comes first."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._heap: list[tuple[int, int, Key]] = []
        self._set: dict[Key, tuple[int, int]] = {}
        self._count = 0
        self.next_at = NEVER
        """When the next is due, in milliseconds."""

    def set(self, key: Key, at: int) -> None:
        """Let a key be due then, and at no other time."""
        self._count += 1
        self._set[key] = at, self._count
        heappush(self._heap, (at, self._count, key))
        self._prune()

    def cancel(self, key: Key) -> None:
        """Let a key not be due."""
        if self._set.pop(key, None) is not None:
            self._prune()

    def at(self, key: Key) -> int | None:
        """When a key is due."""
        found = self._set.get(key)
        return None if found is None else found[0]

    def pop(self) -> tuple[int, Key]:
        """Take out what is due next, with its moment."""
        at, _, key = heappop(self._heap)
        del self._set[key]
        self._prune()
        return at, key

    def __len__(self) -> int:
        return len(self._set)

    def _prune(self) -> None:
        heap = self._heap
        if len(heap) > 2 * len(self._set) + _SPARE:
            heap[:] = [(at, count, key) for key, (at, count) in self._set.items()]
            heapify(heap)
        while heap and self._set.get(heap[0][2]) != heap[0][:2]:
            heappop(heap)
        self.next_at = heap[0][0] if heap else NEVER
