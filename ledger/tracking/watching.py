"""The watchdog of this process, and the verdicts that watchdogs leave."""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ledger.journal.locks import release, take
from ledger.watchdog.alive import ProcessIdentity, is_gone
from ledger.watchdog.folder import PROCESS, RELEASED, TROUBLE, EvidenceFolder
from ledger.watchdog.program import WATCHING
from ledger.watchdog.verdict import Ending, decide

if TYPE_CHECKING:
    from ledger.watchdog.start import Started

PROCESSES = "processes"

_BEGIN_SECONDS = 3.0
_DAY = 86_400.0

_log = logging.getLogger(__name__)

Verdict = tuple[Ending, float | None]
"""How a process ended, and when in seconds since 1970 UTC where that is known."""


class Watching:
    """Starts the watchdog at the first run of this process; its `command` runs after the process's end."""

    def __init__(self, journals: Path, command: Sequence[str] | None) -> None:
        """Nothing is started yet; without a command nothing ever is."""
        self._journals = journals
        self._command = command
        self._started: Started | None = None

    def begin(self) -> str | None:
        """Be watched from now on; answer with the folder for evidence, None where there is none."""
        if self._command is None:
            return None
        if self._started is None:
            # Who looks after others' ends, and is in a hurry, loads neither.
            from ledger.watchdog.evidence import install  # noqa: PLC0415
            from ledger.watchdog.start import start  # noqa: PLC0415

            folder = self._journals / PROCESSES / uuid4().hex
            install(folder)
            self._started = start(folder, self._command)
            if self._started.problem is not None:
                _log.info("nobody watches this process: %s", self._started.problem)
        self._mark(released=False)
        return str(self._started.folder)

    def release(self) -> None:
        """Say that every run has ended: there is nothing to do after this process's end."""
        if self._started is not None and self._started.problem is not None:
            # Nobody will come to clean up.
            remove(str(self._started.folder))
        self._mark(released=True)

    def _mark(self, *, released: bool) -> None:
        if not self.is_watched or self._started is None:
            return
        mark = self._started.folder / RELEASED
        try:
            if released:
                mark.touch()
            else:
                mark.unlink(missing_ok=True)
        except OSError as error:
            _log.debug("%s cannot be written: %s", mark, error)

    @property
    def is_watched(self) -> bool:
        """Whether somebody will see how this process ends."""
        return self._started is not None and self._started.is_watching


def verdict_of(process: str) -> Verdict | None:
    """How a dead process ended; None while its watchdog is about to say."""
    folder = EvidenceFolder(Path(process))
    # In this order: a watchdog may end between our two looks, and has written its verdict then.
    is_watched = _is_being_watched(folder)
    ending = folder.ending()
    if ending is not None or is_watched:
        return ending
    return decide(folder.evidence()), None


def remove(process: str) -> None:
    """Delete the evidence of a process whose runs have ended."""
    folder = Path(process)
    try:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.parent.rmdir()
    except OSError as error:
        _log.debug("%s is left behind: %s", folder, error)


def abandoned(journals: Path) -> Iterator[str]:
    """Folders of evidence whose process is gone, with nobody left to judge it."""
    for path in (journals / PROCESSES).glob("*"):
        folder = EvidenceFolder(path)
        content = (folder.read(PROCESS) or {}).get("process")
        gone = is_gone(ProcessIdentity.from_json(content)) if isinstance(content, dict) else None
        # Of another boot or container nobody knows, nor of one that is just being made; after a day it is nobody's.
        if (gone or (gone is None and not _is_young(path, _DAY))) and not _is_being_watched(folder):
            yield str(path)


def _is_being_watched(folder: EvidenceFolder) -> bool:
    """Whether a watchdog, or what it runs at the end, still has its lock: in another container too."""
    if (folder.path / TROUBLE).exists():
        return False
    if not (folder.path / WATCHING).exists():
        return _is_young(folder.path / PROCESS, _BEGIN_SECONDS)
    try:
        lock = take(folder.path / WATCHING, make=False)
    except OSError:
        return False
    if lock is not None:
        release(lock)
    return lock is None


def _is_young(path: Path, seconds: float) -> bool:
    """Whether a file, or the last one in a folder, was made not that long ago."""
    try:
        return time.time() - path.stat().st_mtime < seconds
    except OSError:
        return False
