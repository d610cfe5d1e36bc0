"""Locks that the kernel gives back when their process ends."""

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: whoever has the file open keeps others from deleting it
    fcntl = None  # type: ignore[assignment]


class NoLocksError(OSError):
    """The file system has no locks (Lustre and NFS may be mounted so)."""


def take(path: Path) -> int | None:
    """Open and lock a file, made if it is not there; None while another process holds it.

    Raises:
        NoLocksError: there are no locks here.
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise NoLocksError(error.errno, f"{path} cannot be locked: {error.strerror}") from error
    return descriptor


def take_or_open(path: Path) -> int | None:
    """As `take`; where there are no locks, the file is merely opened."""
    try:
        return take(path)
    except NoLocksError:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


def release(descriptor: int) -> None:
    """Give a lock back."""
    os.close(descriptor)
