"""Turns: of the threads that command one stream, one decides while the others wait."""

import os
import threading

_LOCKS = 256


class Turns:
    """Locks by stream. Without them threads of one process would make each other lose races for ever."""

    def __init__(self) -> None:
        """Nobody has a turn."""
        self._process = os.getpid()
        self._locks = _new_locks()

    def of(self, stream: str) -> threading.Lock:
        """The lock to hold while deciding on a stream; a few streams share one."""
        if os.getpid() != self._process:
            # A forked child must not wait for a thread that it has not.
            self._process, self._locks = os.getpid(), _new_locks()
        return self._locks[hash(stream) % _LOCKS]


def _new_locks() -> list[threading.Lock]:
    return [threading.Lock() for _ in range(_LOCKS)]
