"""Starting the watchdog of this process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger.watchdog import gate, memory
from ledger.watchdog.alive import ProcessIdentity
from ledger.watchdog.folder import EvidenceFolder
from ledger.watchdog.verdict import Parent

_PROGRAM = Path(__file__).with_name("program.py")
_NONE = -1
_INIT = 1
_SHELL = "/bin/sh"
_IN_BACKGROUND = ["-c", '"$@" &', "sh"]
"""The shell ends at once: nothing of ours is left among the children of a program that waits for its own."""


@dataclass(slots=True)
class Started:
    """What was started, by the process `owner`; `problem` says why nobody watches, if nobody does."""

    owner: int
    folder: Path
    problem: str | None = None
    child: "subprocess.Popen[bytes] | None" = None

    @property
    def is_watching(self) -> bool:
        """Whether this process is watched; False in a forked child, which is another one."""
        return self.problem is None and os.getpid() == self.owner

    def reap(self) -> None:
        """Take leave of a child that has ended; needed now and then only where there is no shell."""
        if self.child is not None and os.getpid() == self.owner and self.child.poll() is not None:
            self.child = None

    def settle(self) -> None:
        """Wait for the shell, which ends as soon as it has begun."""
        if self.child is not None and _has_shell():
            self.child.wait()
            self.child = None


def start(folder: Path, command: Sequence[str], meanwhile: Callable[[], object] = lambda: None) -> Started:
    """Watch this process: after its end the verdict is in the folder, and `command` runs with the folder added.

    The folder is for this process alone. It never raises, and takes a few milliseconds. The command
    runs in `/`, with no input or output, with this process's environment, and ignores the signals
    by which people and schedulers end programs. `meanwhile` is called in any case, while another
    processor starts the shell.
    """
    started = Started(os.getpid(), folder)
    if os.name != "posix" or not sys.executable:
        started.problem = "this system has no processes that outlive their parent unseen"
        meanwhile()
        return started
    try:
        if EvidenceFolder(folder).claim(_process()):
            started.child = _launch(folder.absolute(), command)
        else:
            started.problem = f"{folder} belongs to another process, or this one is watched already"
    except (OSError, subprocess.SubprocessError) as error:
        started.problem = str(error)
    meanwhile()
    started.settle()
    return started


def _process() -> dict[str, object]:
    """What the watchdog shall know of this process, and cannot find out later."""
    counter = memory.counter_file()
    return {
        "process": asdict(ProcessIdentity.of(os.getpid())),
        "parent": asdict(Parent(os.getppid(), _name(os.getppid()))),
        "oom_file": str(counter) if counter else None,
        "oom_kills": memory.kills(counter) if counter else None,
    }


def _name(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _launch(folder: Path, command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start the program, by a shell where there is one; answer with our child."""
    pidfd = _pidfd()
    code, passage = (gate.hold_at_exit() if os.getpid() == _INIT else None) or (_NONE, _NONE)
    open_ends = [descriptor for descriptor in (pidfd, code, passage) if descriptor != _NONE]
    pid = os.getpid()
    started = ProcessIdentity.of(pid).start_time
    numbers = [pid, _NONE if started is None else started, pidfd, code, passage]
    program = [sys.executable, "-I", "-S", "-E", str(_PROGRAM), str(folder), *map(str, numbers), *command]
    try:
        return _spawn(program, open_ends)
    finally:
        for descriptor in open_ends:
            os.close(descriptor)


def _spawn(program: Sequence[str], pass_fds: Iterable[int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [_SHELL, *_IN_BACKGROUND, *program] if _has_shell() else list(program),
        pass_fds=tuple(pass_fds),
        start_new_session=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _has_shell() -> bool:
    return os.access(_SHELL, os.X_OK)


def _pidfd() -> int:
    """A descriptor that tells when this process ends; -1 where there is none (Linux before 5.3, other systems)."""
    if hasattr(os, "pidfd_open"):
        with suppress(OSError):
            return os.pidfd_open(os.getpid())
    return _NONE
