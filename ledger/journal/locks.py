"""Locks that the kernel gives back when their process ends."""

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


def take(path: Path, *, make: bool = True) -> int | None:
    """Open and lock a file, made if it is not there; None while another process holds it.

    Raises:
        OSError: the file cannot be opened.
    """
    flags = os.O_RDWR | (os.O_CREAT if make else 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        _lock(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def release(descriptor: int) -> None:
    """Give a lock back."""
    os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock an open file at once; raises OSError where another has it. Windows locks its first byte."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt is not None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
