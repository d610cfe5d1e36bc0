"""All processes that a script has started: found and ended, however they left their parents."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_PROC = Path("/proc")
_SUBREAPER = 36
"""Linux's PR_SET_CHILD_SUBREAPER: what loses its parent below us becomes our child, and stays in sight."""
_PAUSE_SECONDS = 0.02
_KILL_SECONDS = 5.0


_BOUND = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
for name in ("SIGPIPE", "SIGXFSZ"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]} cannot be run: {error}")
"""
"""Becomes the command, after it has asked Linux (PR_SET_PDEATHSIG, 1) to die with its parent."""


def bound(command: Sequence[str]) -> list[str]:
    """The command, so that it is killed if this process dies; as it is where the system cannot do so."""
    if sys.platform != "linux" or find_spec("ctypes") is None:
        return list(command)
    # Not between fork and exec: this process has threads.
    return [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid()), *command]


def keep_orphans() -> None:
    """Become the parent of all below this process that lose theirs, where the system can do so."""
    with suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - not every interpreter has it

        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def reap(main: int) -> int | None:
    """Take leave of children that have ended; the raw wait status of the main one if it is among them."""
    found = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == main:
                found = ended[1]
    return found


def end(main: int, grace_seconds: float, spared: Sequence[bytes]) -> int | None:
    """Ask all below this process to end, then kill what is left; the main one's wait status, if it ended now.

    Processes whose command line holds one of `spared` are left alone: they watch over others.
    """
    status = None
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, _KILL_SECONDS)):
        deadline, told = time.monotonic() + seconds, set[int]()
        while True:
            ended = reap(main)
            status = ended if ended is not None else status
            left = _left(main, spared)
            if not left:
                return status
            if time.monotonic() > deadline:
                break
            for pid in left:
                if pid not in told:
                    told.add(pid)
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            time.sleep(_PAUSE_SECONDS)
    return status


def _left(main: int, spared: Sequence[bytes]) -> list[int]:
    children = _children()
    if children is None:
        return _group(main)
    found, waiting = [], list(children.get(os.getpid(), ()))
    while waiting:
        pid = waiting.pop()
        if not any(mark in _command_line(pid) for mark in spared):
            found.append(pid)
            waiting += children.get(pid, ())
    return found


def _children() -> dict[int, list[int]] | None:
    """The living by their parents; None where there is no /proc."""
    if not (_PROC / "self" / "stat").exists():
        return None
    found: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                state, parent = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:2]
                if state not in {b"Z", b"X"}:
                    found.setdefault(int(parent), []).append(int(entry.name))
    return found


def _group(main: int) -> list[int]:
    """Without /proc: the process group, named by its negative number, as long as it is there."""
    try:
        os.killpg(main, 0)
    except (ProcessLookupError, PermissionError):
        return []
    return [-main]


def _command_line(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""
