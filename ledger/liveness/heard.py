"""What this server heard of writers since its last record of it."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.liveness.writers import LiveWriter


class Sign(NamedTuple):
    """The last that was heard of a writer: when, in epoch milliseconds, and whether it was a farewell."""

    run_id: str
    writer: str
    seen_at: int
    left: bool


class Heard:
    """One sign a writer, the last; threads may share it."""

    def __init__(self, *, now: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        """`now` is in epoch milliseconds; `clock`, in seconds, tells how old a sign is."""
        self._now = now
        self._clock = clock
        self._signs: dict[LiveWriter, tuple[float, Sign]] = {}
        self._lock = threading.Lock()

    def note(self, writers: Sequence[LiveWriter], left: Sequence[LiveWriter] = ()) -> None:
        """Take note of writers that are alive, and of writers that have left."""
        at, now = self._clock(), self._now()
        with self._lock:
            for each in writers:
                self._signs[each] = at, Sign(*each, now, left=False)
            for each in left:
                self._signs[each] = at, Sign(*each, now, left=True)

    def take(self, seconds: float) -> list[Sign]:
        """What was heard since it was last taken; a sign of life that is older than `seconds` says nothing now.

        A server that was frozen, or could not write, must not tell that somebody lives who may be long dead.
        """
        with self._lock:
            signs, self._signs = self._signs, {}
        oldest = self._clock() - seconds
        return [sign for at, sign in signs.values() if sign.left or at >= oldest]

    def put_back(self, signs: Sequence[Sign]) -> None:
        """Take note of farewells that could not be written; who lives says so again."""
        with self._lock:
            for sign in signs:
                if sign.left:
                    self._signs.setdefault(LiveWriter(sign.run_id, sign.writer), (self._clock(), sign))

    def hears(self, run_id: str) -> bool:
        """Whether a run was heard of since the last record."""
        with self._lock:
            return any(each.run_id == run_id for each in self._signs)

    def __len__(self) -> int:
        """How many writers were heard since."""
        return len(self._signs)
