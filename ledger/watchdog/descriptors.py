"""Open files that a process keeps to its end, out of its program's way and out of its children's."""

import os
from contextlib import suppress
from pathlib import Path

_HIGH = (900, 200)
"""Least numbers, tried in turn; many systems allow 1024 open files, some 256."""


class Kept:
    """Descriptors that C code writes to when the process ends, of one process.

    A forked child has them too, with all that would be written: there they lead to nothing.
    """

    def __init__(self) -> None:
        """None yet."""
        self._owner: int | None = os.getpid()
        self._descriptors: list[int] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.silence)

    def open(self, path: Path) -> int:
        """Open a file for appending, and keep it; raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        return self.keep(os.open(path, flags, 0o600))

    def keep(self, descriptor: int) -> int:
        """Keep an open file, under a number of our choice."""
        descriptor = _moved(descriptor)
        self._descriptors.append(descriptor)
        return descriptor

    def silence(self) -> None:
        """Let all of them lead to nothing; they stay open, for nobody may get their numbers."""
        with suppress(OSError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            for descriptor in self._descriptors:
                os.dup2(nothing, descriptor, inheritable=False)
            os.close(nothing)

    def release(self) -> None:
        """Give them up in the process that opened them."""
        self.silence()
        self._owner = None

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that opened them, and still uses them."""
        return os.getpid() == self._owner


def _moved(descriptor: int) -> int:
    """The file under a high number.

    A program that closes all descriptors and opens its own gets the low ones: our last words must
    not land in its files.
    """
    try:
        from fcntl import F_DUPFD_CLOEXEC, fcntl  # noqa: PLC0415 - absent on some systems
    except ImportError:
        return descriptor
    for least in _HIGH:
        with suppress(OSError):
            moved = fcntl(descriptor, F_DUPFD_CLOEXEC, least)
            os.close(descriptor)
            return moved
    return descriptor
