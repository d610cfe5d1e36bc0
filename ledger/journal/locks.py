"""Locks that the kernel gives back when their process ends."""

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: whoever has the file open keeps others from deleting it
    fcntl = None  # type: ignore[assignment]


def take(path: Path) -> int | None:
    """Open and lock a file, made if it is not there; None while another process holds it.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def release(descriptor: int) -> None:
    """Give a lock back."""
    os.close(descriptor)
