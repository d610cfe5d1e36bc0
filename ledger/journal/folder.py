"""The folder of one writer: who writes, its files in order, and the locks that say who may do what."""

import json
import logging
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4
from zlib import crc32

from ledger.journal.locks import NoLocksError, release, take, take_or_open
from ledger.watchdog.alive import ProcessIdentity

HEAD = "head.json"
ENDED = "ended.json"
"""Says that nothing more will be written here."""
ALIVE = "alive"
SHIPPING = "shipping"
SUFFIX = ".log"

_MARK_DIGITS = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose journal it is.

    `begun_by` is the id of the command that began the run, or its present attempt, in the process
    that owns its ending; None for a process that only logs to it. `process` is the folder in which
    that process leaves evidence of its end, if it is watched. `opened_at` is in seconds since 1970
    UTC; `start_time` to `pid_namespace` as in `ProcessIdentity`. An `offline` journal is delivered by
    `runledger sync` alone, and its `location` is empty where no workspace was named.
    """

    run_id: str
    writer: str
    location: str
    pid: int
    host: str
    begun_by: str | None = None
    process: str | None = None
    start_time: int | None = None
    boot_id: str | None = None
    pid_namespace: str | None = None
    opened_at: float | None = None
    offline: bool = False

    @classmethod
    def of_process(
        cls,
        run_id: str,
        writer: str,
        location: str,
        begun_by: str | None,
        process: str | None,
        *,
        offline: bool = False,
    ) -> "Identity":
        """The identity of a writer in this process."""
        own = ProcessIdentity.of(os.getpid())
        return cls(
            run_id,
            writer,
            location,
            own.pid,
            own.host,
            begun_by,
            process,
            own.start_time,
            own.boot_id,
            own.pid_namespace,
            time.time(),
            offline,
        )

    def of_writer(self) -> ProcessIdentity:
        """Which process writes, among all that ever were."""
        return ProcessIdentity(self.pid, self.start_time, self.boot_id, self.pid_namespace, self.host)


class WriterFolder:
    """`<journals>/<writer>/`: head.json, the locks `alive` and `shipping`, and 1.log, 2.log, ..."""

    def __init__(self, path: Path) -> None:
        """Name it; nothing is touched."""
        self.path = path

    def make(self, identity: Identity) -> int:
        """Make the folder for a writer, and answer with the descriptor of the lock that says it lives.

        Raises:
            OSError: it cannot be made here.
        """
        self.path.mkdir(mode=0o700, parents=True)
        # Taken before the head is there: a folder with a head and a free lock has a dead writer.
        alive = take_or_open(self.path / ALIVE)
        if alive is None:
            raise BlockingIOError(f"{self.path} belongs to another writer")
        _write_head(self.path / HEAD, asdict(identity))
        return alive

    def identity(self) -> Identity | None:
        """Whose it is; None where no head was written, or not one that can be read."""
        try:
            content = json.loads((self.path / HEAD).read_text(encoding="utf-8"))
            return Identity(**{name: content.get(name) for name in Identity.__dataclass_fields__})
        except (OSError, ValueError, AttributeError):
            return None

    def file(self, number: int) -> Path:
        """The path of a file, by its number from 1."""
        return self.path / f"{number}{SUFFIX}"

    def content(self, sha256: str) -> Path:
        """The path of a file of the run that waits here for the command which names it."""
        return self.path / f"{sha256}.content"

    def files(self) -> list[int]:
        """The numbers of the files that are there."""
        names = [path.stem for path in self.path.glob(f"*{SUFFIX}")]
        return sorted(int(name) for name in names if name.isdecimal())

    def is_empty(self) -> bool:
        """Whether nothing is noted in it."""
        return not any(self.file(number).stat().st_size for number in self.files())

    def last_sign(self) -> float:
        """When its writer last wrote, in seconds since 1970 UTC."""
        written = [self.file(number) for number in self.files()]
        return max(path.stat().st_mtime for path in [*written, self.path / HEAD])

    def mark_ended(self, by: str) -> None:
        """Say that nothing more will be written here, and who knows it; as far as the disk lets us."""
        try:
            _write_head(self.path / ENDED, {"by": by, "at": time.time()})
        except OSError as error:
            _log.debug("%s cannot be marked as ended: %s", self.path, error)

    def is_marked_ended(self) -> bool:
        """Whether somebody who knew has said that nothing more will be written here."""
        return (self.path / ENDED).exists()

    def take_shipping(self) -> int | None:
        """Lock the right to ship; None while another process has it, or the folder is gone.

        Where there are no locks two may ship at once: what both deliver is there once.
        """
        try:
            return take_or_open(self.path / SHIPPING)
        except FileNotFoundError:
            return None

    def take_alive(self) -> int | None:
        """Lock the writer's own lock: possible only once it is dead, and never where there are no locks."""
        try:
            return take(self.path / ALIVE, make=False)
        except (FileNotFoundError, NoLocksError):
            return None

    def holds_lock(self) -> bool:
        """Whether the writer is seen to live: a lock that is free says nothing, for it may not reach so far."""
        try:
            lock = take(self.path / ALIVE, make=False)
        except OSError:
            return False
        if lock is not None:
            release(lock)
        return lock is None

    def remove(self) -> None:
        """Delete it: everything in it was delivered."""
        # The head goes first: what is left after a crash half-way belongs to nobody.
        (self.path / HEAD).unlink(missing_ok=True)
        try:
            for path in self.path.iterdir():
                path.unlink(missing_ok=True)
            self.path.rmdir()
        except FileNotFoundError:
            pass  # another one has deleted it meanwhile
        except OSError as error:
            _log.debug("%s is left behind: %s", self.path, error)


def new_writer(run_id: str) -> str:
    """A name for a writer, 32 hex digits, of which the first eight tell its run from most others."""
    return f"{_mark(run_id)}{uuid4().hex[_MARK_DIGITS:]}"


def writer_folders(journals: Path) -> Iterator[WriterFolder]:
    """The folders of all writers, oldest first; none where there is no folder that can be read."""
    found = []
    with suppress(OSError), os.scandir(journals) as entries:
        for entry in entries:
            # Another process may take it away while we look.
            with suppress(OSError):
                found.append((entry.stat().st_mtime_ns, entry.path, entry.is_dir()))
    for _, path, is_folder in sorted(found):
        if is_folder:
            yield WriterFolder(Path(path))


def writers_of(journals: Path, run_ids: Collection[str]) -> list[tuple[WriterFolder, Identity]]:
    """The writers of some runs, in the order in which they began.

    Of other runs, of which a shared folder may hold thousands, next to nothing is read.
    """
    marks = {_mark(run_id) for run_id in run_ids}
    try:
        paths = [entry.path for entry in os.scandir(journals) if entry.name[:_MARK_DIGITS] in marks]
    except OSError:
        return []
    folders = [WriterFolder(Path(path)) for path in paths]
    found = [(folder, identity) for folder in folders if (identity := folder.identity()) is not None]
    found = [(folder, identity) for folder, identity in found if identity.run_id in run_ids]
    return sorted(found, key=lambda pair: pair[1].opened_at or 0.0)


def _mark(run_id: str) -> str:
    return f"{crc32(run_id.encode(errors='surrogateescape')):08x}"


def _write_head(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)
