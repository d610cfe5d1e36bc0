"""The folder of one writer: who writes, its files in order, and the locks that say who may do what."""

import json
import logging
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ledger.journal.locks import take

HEAD = "head.json"
ALIVE = "alive"
SHIPPING = "shipping"
SUFFIX = ".log"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose journal it is.

    `begun_by` is the id of the command that began the run, or its present attempt, in the process
    that owns its ending; None for a process that only logs to it. `process` is the folder in which
    that process leaves evidence of its end, if it is watched.
    """

    run_id: str
    writer: str
    location: str
    pid: int
    host: str
    begun_by: str | None = None
    process: str | None = None

    @classmethod
    def of_process(
        cls, run_id: str, writer: str, location: str, begun_by: str | None, process: str | None
    ) -> "Identity":
        """The identity of a writer in this process."""
        return cls(run_id, writer, location, os.getpid(), platform.node(), begun_by, process)


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
        alive = take(self.path / ALIVE)
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

    def take_shipping(self) -> int | None:
        """Lock the right to ship; None while another process has it, or the folder is gone."""
        return self._take(SHIPPING)

    def take_alive(self) -> int | None:
        """Lock the writer's own lock: possible only once it is dead."""
        return self._take(ALIVE, make=False)

    def remove(self) -> None:
        """Delete it: everything in it was delivered."""
        # The head goes first: what is left after a crash half-way belongs to nobody.
        (self.path / HEAD).unlink(missing_ok=True)
        try:
            for path in self.path.iterdir():
                path.unlink()
            self.path.rmdir()
        except OSError as error:
            _log.debug("%s is left behind: %s", self.path, error)

    def _take(self, name: str, *, make: bool = True) -> int | None:
        try:
            return take(self.path / name, make=make)
        except FileNotFoundError:
            return None


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


def _write_head(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)
