"""How often refusals are recorded: each kind once in a while, with how many there were."""

import threading
import time
from collections.abc import Callable

EVERY_SECONDS = 10.0

Kind = tuple[str, str]
"""Who was refused, and by which rule."""


class RefusalRate:
    """Counts refusals by kind, so that a flood of them does not flood the log."""

    def __init__(self, *, every: float = EVERY_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        """Let each kind through once in `every` seconds."""
        self._every = every
        self._clock = clock
        self._seen: dict[Kind, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def due(self, kind: Kind) -> int:
        """How many of the kind shall be recorded now, this one with them; 0 while it is merely counted."""
        with self._lock:
            now = self._clock()
            told, waiting = self._seen.get(kind, (float("-inf"), 0))
            if now - told < self._every:
                self._seen[kind] = (told, waiting + 1)
                return 0
            self._seen[kind] = (now, 0)
            return waiting + 1
