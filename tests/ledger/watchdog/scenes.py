"""Little training scripts that end in their own way, each watched for real."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.watchdog.folder import EvidenceFolder
from ledger.watchdog.program import WATCHING
from ledger.watchdog.verdict import Ending

ROOT = Path(__file__).resolve().parents[3]
TOLD = "told"
_OUTPUT = "output"
COMMAND = ["/bin/sh", "-c", f'echo "$0" >> "$0/{TOLD}.partial" && mv "$0/{TOLD}.partial" "$0/{TOLD}"']
"""What the watchdog runs at the end here: it writes the folder that it was given into a file there."""

_BEGIN = f"""
import ctypes, faulthandler, multiprocessing, os, signal, subprocess, sys, threading, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from ledger.watchdog.evidence import install
from ledger.watchdog.start import start
folder = Path(sys.argv[1])
def watch():
    install(folder)
    return start(folder, {COMMAND!r})
def ready():
    (folder / "ready").touch()
"""
_WAIT_SECONDS = 30.0


@dataclass
class Scene:
    """A script in its process, and the folder in which its end is told."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    def signal_when_ready(self, number: int) -> None:
        """Send a signal once the script says that it may come."""
        until((self.folder / "ready").exists, "the script is ready")
        os.kill(self.process.pid, number)

    def ending(self) -> Ending:
        """The verdict, once the command has run."""
        self.process.wait(_WAIT_SECONDS)
        until((self.folder / TOLD).exists, f"{self.folder.name}: the end is told")
        found = EvidenceFolder(self.folder).ending()
        assert found is not None
        return found[0]

    def output(self) -> str:
        """What the script printed, errors too."""
        self.process.wait(_WAIT_SECONDS)
        return (self.folder / _OUTPUT).read_text()


def play(folder: Path, code: str, before: str = "", *, by: Sequence[str] = (), watch: bool = True) -> Scene:
    """Run a script that is watched once the code `before` is through, started `by` these words if there are any.

    Without `watch` it calls `watch()` itself.
    """
    folder.mkdir()
    begin = f"{_BEGIN}{before}\n" + ("started = watch()\n" if watch else "")
    with (folder / _OUTPUT).open("w") as output:
        process = subprocess.Popen(
            [*by, sys.executable, "-c", begin + code, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Scene(folder, process)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in vain waited until {what}"
        time.sleep(0.01)


def processes_of(folder: Path) -> list[str]:
    """The command lines that name the folder; a zombie has none."""
    return [line for line in _command_lines() if str(folder) in line]


def assert_no_process_is_left(folder: Path) -> None:
    """Wait until nothing runs that has to do with the folder."""
    until(lambda: not processes_of(folder), f"no process is left: {processes_of(folder)}")


def watchdog_of(folder: Path) -> int:
    """The number of the process that watches."""
    until(lambda: (folder / WATCHING).exists() and (folder / WATCHING).read_text(), "somebody watches")
    return int((folder / WATCHING).read_text())


def unshare(*more: str) -> tuple[str, ...]:
    """The words that start a program as PID 1 of a namespace."""
    program = shutil.which("unshare")
    assert program is not None, "unshare (util-linux) is needed for a PID namespace"
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return (program, *user, "--pid", "--fork", *more)


def refusal() -> str | None:
    """What the kernel says if it makes no PID namespace here."""
    tried = subprocess.run([*unshare("--mount-proc"), "true"], capture_output=True, text=True, timeout=30, check=False)
    return tried.stderr if tried.returncode else None


def _command_lines() -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                content = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            yield content.replace(b"\0", b" ").decode(errors="replace")
