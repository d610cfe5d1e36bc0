"""Locks that the kernel gives back when their process ends."""

import errno
import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

fcntl: Any = None
msvcrt: Any = None
with suppress(ImportError):
    fcntl = import_module("fcntl")
if fcntl is None:
    with suppress(ImportError):
        msvcrt = import_module("msvcrt")


_NOT_SUPPORTED = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


class NoLocksError(OSError):
    """The file system has no locks (Lustre and NFS may be mounted so)."""


def take(path: Path, *, make: bool = True) -> int | None:
    """Open and lock a file, made if it is not there; None while another process holds it.

    Raises:
        NoLocksError: there are no locks here.
        OSError: the file cannot be opened.
    """
    flags = os.O_RDWR | (os.O_CREAT if make else 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno in _NOT_SUPPORTED:
            raise NoLocksError(error.errno, f"{path} cannot be locked: {error.strerror}") from error
        return None
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


def _lock(descriptor: int) -> None:
    """Lock an open file at once; raises OSError where another has it. Windows locks its first byte."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt is not None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
