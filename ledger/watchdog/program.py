"""The watchdog: run as `python -I -S -E program.py`, it sleeps until a process ends.

Arguments: the folder of evidence; the process's number and start time; the descriptors of the
process, of its exit code and of its gate; then the command to run at the end. -1 stands for none.
Asleep it is small: what it needs to judge is imported when it wakes up.
"""

import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# Last, so that nothing that lies beside this package stands in for the standard library.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from ledger.watchdog import proc

WATCHING = "watching"
"""The file that says that somebody watches: it holds the watchdog's number, and is locked while it is there."""

_EXITED = "exited.json"
_NUMBERS = 5
_IGNORED = ("SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT", "SIGPIPE", "SIGTSTP")
_LOOK_MILLISECONDS = 200


class Watch:
    """One process, by what is known of it from the start; None stands for what cannot be had."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Take the arguments of the program."""
        self.folder = Path(arguments[0])
        self.pid, *others = (int(text) for text in arguments[1 : 1 + _NUMBERS])
        self.start_time, self.pidfd, self.code, self.gate = (None if it < 0 else it for it in others)
        self.command = [*arguments[1 + _NUMBERS :], arguments[0]]

    def sleep(self) -> int | None:
        """Return when the process has ended; or when it waits at its gate, with its exit code."""
        poll = select.poll()
        for descriptor in (self.pidfd, self.code):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(_LOOK_MILLISECONDS if self.pidfd is None else None)}
            if self.pidfd in ready or (self.pidfd is None and self._has_ended()):
                return None
            if self.code is not None and self.code in ready:
                code = self._told(self.code)
                if code is not None:
                    return code
                poll.unregister(self.code)

    def _told(self, descriptor: int) -> int | None:
        """The exit code, if it is the process's: a copy of it, made by C code, is let through at once."""
        code = os.read(descriptor, 4)
        if code and (self.folder / _EXITED).exists():
            return int.from_bytes(code, sys.byteorder, signed=True)
        if self.gate is not None:
            from ledger.watchdog import gate  # noqa: PLC0415 - only the first process of a container has one

            gate.let_through(self.gate)
        return None

    def _has_ended(self) -> bool:
        """Where there is no pidfd to wait for."""
        if self.start_time is not None:
            return proc.has_ended(self.pid, self.start_time)
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


def main(arguments: Sequence[str]) -> None:
    """Sleep, then judge."""
    watch = Watch(arguments)
    _detach(watch)
    exit_code = watch.sleep()
    from ledger.watchdog import awake  # noqa: PLC0415 - not before it is needed

    awake.conclude(watch, exit_code)


def _detach(watch: Watch) -> None:
    """Be nobody's child, deaf to what ends programs, and keep what is open from the command."""
    # By way of a shell it is so already, and one more that ends would be met by a PID 1 that waits for its children.
    if os.getsid(0) == os.getpid() and os.fork():
        os._exit(0)
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for descriptor in (watch.pidfd, watch.code, watch.gate):
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
    with suppress(OSError, ImportError):
        _say_who_watches(watch.folder / WATCHING)


def _say_who_watches(path: Path) -> None:
    """Keep a locked file open: the kernel gives the lock back with the last of us, the command included."""
    import fcntl  # noqa: PLC0415 - absent on some systems

    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, str(os.getpid()).encode())
    os.set_inheritable(descriptor, True)
    partial.rename(path)


if __name__ == "__main__":
    main(sys.argv[1:])
