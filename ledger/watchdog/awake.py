"""What the watchdog does once its process has ended: the verdict, then the command."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from ledger.watchdog import gate, proc
from ledger.watchdog.folder import RELEASED, TROUBLE, EvidenceFolder
from ledger.watchdog.verdict import decide

_STATUS_SECONDS = 1.0
_GATE_SECONDS = 8.0
"""How long PID 1 is held: a container that is told to stop has ten seconds."""
_PAUSE_SECONDS = 0.01
_NOT_FOUND = 127


class Watched(Protocol):
    """A process as `Watch` in program.py knows it."""

    folder: Path
    pid: int
    start_time: int | None
    pidfd: int | None
    gate: int | None
    command: list[str]


def conclude(watched: Watched, exit_code: int | None) -> None:
    """Write the verdict and run the command; with an `exit_code`, the process waits at its gate meanwhile.

    Where the process said that nothing is left to be done, the folder is deleted and that is all.
    """
    if (watched.folder / RELEASED).exists():
        _delete(watched.folder)
        if exit_code is not None and watched.gate is not None:
            gate.let_through(watched.gate)
        return
    try:
        _judge(watched, exit_code, time.time())
    except Exception:  # noqa: BLE001 - the command is run whatever went wrong here
        import traceback  # noqa: PLC0415 - it takes its time, and is seldom needed

        with suppress(OSError):
            (watched.folder / TROUBLE).write_text(traceback.format_exc(), encoding="utf-8")
    if exit_code is None or watched.gate is None:
        _become(watched.command)
    _run(watched.command, _GATE_SECONDS)
    gate.let_through(watched.gate)


def _delete(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.parent.rmdir()


def _judge(watched: Watched, exit_code: int | None, ended_at: float) -> None:
    kernel = None
    if exit_code is None:
        kernel = proc.exit_status(watched.pid, watched.start_time, watched.pidfd, _STATUS_SECONDS)
    folder = EvidenceFolder(watched.folder)
    evidence = folder.evidence(kernel, exit_code)
    folder.write_ending(decide(evidence), evidence, ended_at)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606 - our own process gave it, as a list
    finally:
        os._exit(_NOT_FOUND)


def _run(command: list[str], seconds: float) -> None:
    """Run it, and wait for its end for so long."""
    child = os.fork()
    if child == 0:
        _become(command)
    deadline = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
