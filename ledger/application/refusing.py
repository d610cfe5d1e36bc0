"""What was refused, and how often that is recorded: each kind once in a while, with how many there were."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ledger.commands import Command

EVERY_SECONDS = 10.0

MOST = 100
"""How many are recorded in that time, of all kinds together."""

MOST_FORBIDDEN = 20
"""The same for what somebody had no right to: whoever may do nothing cannot fill the log, or hide the others."""

_KINDS = 1_000

Kind = tuple[str, str, str]
"""Who was refused, by which rule, and what he wanted to change."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody tried: the name of the command, the stream that it was about, and the command if it is one."""

    name: str
    stream: str
    command: Command = field(default_factory=Command)


class RefusalRate:
    """Counts refusals by kind, so that a flood of them does not flood the log."""

    def __init__(
        self, *, every: float = EVERY_SECONDS, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Let each kind through once in `every` seconds, and all of them `most` times."""
        self._every = every
        self._clock = clock
        self._seen: dict[Kind, tuple[float, int]] = {}
        self._recorded: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def due(self, kind: Kind) -> int:
        """How many of the kind shall be recorded now, this one with them; 0 while it is merely counted."""
        with self._lock:
            now = self._clock()
            if len(self._seen) >= _KINDS:
                self._forget(now)
            told, waiting = self._seen.get(kind, (float("-inf"), 0))
            full = len(self._recorded) == self._recorded.maxlen and now - self._recorded[0] < self._every
            if full or now - told < self._every:
                self._seen[kind] = (told, waiting + 1)
                return 0
            self._seen[kind] = (now, 0)
            self._recorded.append(now)
            return waiting + 1

    def _forget(self, now: float) -> None:
        """Let go of kinds that were told long ago, or of which nothing waits; in a flood of the oldest half."""
        old = [kind for kind, (told, waiting) in self._seen.items() if now - told >= self._every or not waiting]
        for kind in old or [*self._seen][: _KINDS // 2]:
            del self._seen[kind]
