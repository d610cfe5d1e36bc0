"""A place that is a folder of this machine."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ledger.artifacts.place import FILES_OF_RUNS, Draft, Purpose
from ledger.errors import UnavailableError

INCOMING = "incoming"
STALE_SECONDS = 3600.0
"""A draft into which nothing was written for so long is what a dead process left."""

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class FolderPlace:
    """Bytes in files. A draft is a file beside them, on the same file system, until it is renamed into place."""

    def __init__(self, path: Path, purpose: Purpose = FILES_OF_RUNS) -> None:
        """Name it; it is made when something is written."""
        self.path = path
        self.purpose = purpose
        self._ready = False
        self._settling = threading.Lock()
        self._unsettled: set[Path] = set()

    def begin(self) -> Draft:
        """Begin to write."""
        try:
            if not self._ready:
                self._make()
            return _FileDraft(self)
        except OSError as error:
            raise self.not_written(error) from error

    def settle(self) -> None:
        """Sync the folders into which files were renamed; what is in the files was synced before."""
        # Whoever comes meanwhile waits: his may be among those that are being synced.
        with self._settling:
            while self._unsettled:
                folder = self._unsettled.pop()
                try:
                    _sync_folder(folder)
                except OSError as error:
                    self._unsettled.add(folder)
                    raise self.not_written(error) from error

    def unsettle(self, file: Path) -> None:
        """Note that a file was renamed into place, in folders that may be new too."""
        self._unsettled |= {file.parent, file.parent.parent, self.path}

    def not_written(self, error: OSError) -> UnavailableError:
        """What went wrong with a file, and where."""
        return UnavailableError(f"{self.purpose.what} cannot be written to {self.path}: {error.strerror or error}")

    def open(self, key: str) -> BinaryIO:
        """Read a file; a link is no file of ours."""
        return os.fdopen(os.open(self._file(key), os.O_RDONLY | _FLAGS), "rb")

    def size(self, key: str) -> int | None:
        """The size of a file; None if there is none."""
        try:
            found = os.lstat(self._file(key))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size

    def keys(self, prefix: str) -> Iterator[str]:
        """The files below a folder."""
        top = self.path / prefix
        for folder, folders, files in os.walk(top):
            folders.sort()
            for name in sorted(files):
                yield (Path(folder) / name).relative_to(self.path).as_posix()

    def remove(self, key: str) -> None:
        """Delete a file, and its folder if it was the last one there."""
        file = self._file(key)
        file.unlink(missing_ok=True)
        with suppress(OSError):
            file.parent.rmdir()

    def address(self, key: str) -> str:
        """Its path."""
        return str(self._file(key))

    def _file(self, key: str) -> Path:
        file = self.path
        for part in key.split("/"):
            # Whoever can write here could lead us elsewhere.
            if file is not self.path and file.is_symlink():
                raise FileNotFoundError(f"{file} is a link")
            file /= part
        return file

    def _make(self) -> None:
        (self.path / INCOMING).mkdir(parents=True, exist_ok=True)
        readme = self.path / "README.txt"
        if not readme.exists():
            readme.write_text(self.purpose.note, encoding="utf-8")
        before = time.time() - STALE_SECONDS
        for left in (self.path / INCOMING).iterdir():
            with suppress(OSError):
                if left.lstat().st_mtime < before:
                    left.unlink()
        self._ready = True


class _FileDraft:
    def __init__(self, place: FolderPlace) -> None:
        self._place = place
        self._path: Path | None = place.path / INCOMING / uuid4().hex
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666), "wb", 0)

    def write(self, piece: bytes) -> None:
        view = memoryview(piece)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise self._place.not_written(error) from error

    def keep(self, key: str) -> None:
        if self._path is None:
            return
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            target = self._place._file(key)  # noqa: SLF001 - the draft is part of the place
            target.parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(target)
            self._path = None
            self._place.unsettle(target)
        except OSError as error:
            raise self._place.not_written(error) from error

    def drop(self) -> None:
        self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
