"""What the kernel says of a process: /proc, and the pidfd's own record.

It is loaded while the watchdog sleeps, so it imports little.
"""

import os
import time
from errno import ESRCH
from pathlib import Path
from struct import Struct

PROC = Path("/proc")

_PIDFD_GET_INFO = 0xC040FF0B
_INFO_EXIT = 1 << 3
_INFO = Struct("=Q52si")
"""`struct pidfd_info` as first published: what is told, ids of the process, its wait status."""
_STATE, _START_TIME, _EXIT_CODE = 0, 19, 49
"""Places in /proc/PID/stat after the name: fields 3, 22 and 52 of the manual."""
_ENDED = frozenset("ZXx")
_PAUSE_SECONDS = 0.002


def is_ours() -> bool:
    """Whether /proc is there and counts processes as this process does."""
    try:
        return os.getpid() == int(os.readlink(PROC / "self"))  # noqa: PTH115 - only its text is wanted
    except (OSError, ValueError):
        return False


def stat(pid: int) -> tuple[str, int, int] | None:
    """State, start time (ticks since boot) and raw wait status of a process; None if there is none.

    The wait status means something in a zombie only.
    """
    try:
        content = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name in brackets may itself hold brackets and spaces.
    fields = content.rpartition(b")")[2].split()
    return fields[_STATE].decode(), int(fields[_START_TIME]), int(fields[_EXIT_CODE])


def start_time(pid: int) -> int | None:
    """When a process began, in ticks since boot; None if it cannot be known."""
    found = stat(pid) if is_ours() else None
    return found[1] if found else None


def has_ended(pid: int, started: int) -> bool:
    """Whether the process that began then is over."""
    found = stat(pid)
    return found is None or found[1] != started or found[0] in _ENDED


def exit_status(pid: int, started: int | None, pidfd: int | None, seconds: float) -> tuple[int, str] | None:
    """The raw wait status of a process that has just ended, and where it was read; None if nobody knows.

    Neither source is enough: /proc tells until the parent has asked, the pidfd (Linux 6.15) after it.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = stat(pid) if started is not None else None
        there = found is not None and found[1] == started
        if found is not None and there and found[0] in _ENDED and _may_see(pid):
            return found[2], "read before its parent had asked"
        recorded, promised = _recorded(pidfd)
        if recorded is not None:
            return recorded, "kept after its parent had asked"
        if not there and not promised:
            return None
        time.sleep(_PAUSE_SECONDS)
    return None


def _may_see(pid: int) -> bool:
    """Whether the kernel shows us the status: to strangers it says 0."""
    try:
        return os.geteuid() in {0, (PROC / str(pid)).stat().st_uid}
    except OSError:
        return False


def _recorded(pidfd: int | None) -> tuple[int | None, bool]:
    """What the pidfd itself says of the wait status, and whether it may still come to say so."""
    if pidfd is None:
        return None, False
    try:
        from fcntl import ioctl  # noqa: PLC0415 - absent on some systems

        info = bytearray(_INFO.pack(_INFO_EXIT, bytes(_INFO.size - 12), 0))
        ioctl(pidfd, _PIDFD_GET_INFO, info, True)
    except ImportError:
        return None, False
    except OSError as error:
        # "No such process": it is just being taken away.
        return None, error.errno == ESRCH
    told, _, status = _INFO.unpack(info)
    return (status, True) if told & _INFO_EXIT else (None, True)
