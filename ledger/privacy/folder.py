"""The key store that is a folder: a small file for each subject."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from ledger.privacy.keys import Key, KeyStoreError

STORE = "store.json"
"""Says that the folder is a key store, and which."""

_DESTROYED = "destroyed"
_SECRET_BYTES = 32
_MARK_DIGITS = 20
_NOTE = """\
Keys of personal text in a run ledger, one file a run or user. Whoever has this folder and the log can read it; whoever
deletes a file here has erased its text for good. Keep it apart from backups of the log: docs/privacy.md.
"""


class KeyFolder:
    """`<folder>/{store.json, destroyed, ab/<subject's hash>.json}`; files are for their owner alone (0600)."""

    def __init__(self, path: Path) -> None:
        """Name it; nothing is touched."""
        self.path = path
        self._store, self._told = path / STORE, path / _DESTROYED

    def prepare(self) -> None:
        """Make the folder, for a workspace that begins to encrypt; one that is there stays as it is.

        Raises:
            KeyStoreError: it cannot be made.
        """
        with self._clear_errors():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "README.txt").write_text(_NOTE, encoding="utf-8")
            if not self._told.exists():
                self._tell()
            with suppress(FileExistsError):
                self._publish(self._store, {"id": os.urandom(16).hex()})

    @cached_property
    def id(self) -> str:
        """The id that the folder was made with."""
        with self._clear_errors():
            return str(_read(self._store)["id"])

    def make(self, subject: str) -> Key:
        """The key of a subject; of two who make it at once both get the same."""
        file, mark = self._file(_mark(subject)), _mark(subject)
        with self._clear_errors():
            found = self._found(file)
            if found is not None:
                return found
            self._check_there()
            file.parent.mkdir(mode=0o700, exist_ok=True)
            key = Key(f"{mark}.{os.urandom(4).hex()}", os.urandom(_SECRET_BYTES))
            with suppress(FileExistsError):
                self._publish(file, {"id": key.id, "subject": subject, "key": key.secret.hex()})
                return key
            return self._found(file) or self.make(subject)

    def of(self, subject: str) -> Key | None:
        """The key of a subject; None if it has none."""
        with self._clear_errors():
            self._check_there()
            return self._found(self._file(_mark(subject)))

    def get(self, key_id: str) -> Key | None:
        """The key of an id; None if it was destroyed."""
        with self._clear_errors():
            found = self._found(self._file(key_id.partition(".")[0]))
            if found is None:
                self._check_there()
            return found if found is not None and found.id == key_id else None

    def destroy(self, subject: str) -> None:
        """Overwrite the key, delete its file, and tell all who may remember it."""
        file = self._file(_mark(subject))
        with self._clear_errors():
            self._check_there()
            with suppress(FileNotFoundError):
                with file.open("r+b") as stream:
                    stream.write(bytes(file.stat().st_size))
                    os.fsync(stream.fileno())
                file.unlink()
                _sync_folder(file.parent)
            # Told behind it, and always: who was killed in between calls again.
            self._tell()

    def subjects(self) -> Iterator[str]:
        """Every subject that has a key."""
        with self._clear_errors():
            self._check_there()
            for file in self.path.glob("??/*.json"):
                with suppress(FileNotFoundError):
                    yield str(_read(file)["subject"])

    def changed(self) -> object:
        """Which file `destroyed` is: each destruction puts a new one in its place."""
        with self._clear_errors():
            found = self._told.stat()
            return found.st_ino, found.st_mtime_ns

    def _file(self, mark: str) -> Path:
        return self.path / mark[:2] / f"{mark}.json"

    def _found(self, file: Path) -> Key | None:
        try:
            content = _read(file)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Key(content["id"], bytes.fromhex(content["key"]))

    def _check_there(self) -> None:
        # A folder that is not mounted has no keys either.
        self._store.stat()

    def _tell(self) -> None:
        draft = self.path / f"{_DESTROYED}.{os.urandom(8).hex()}"
        _write(draft, {})
        draft.replace(self._told)

    def _publish(self, file: Path, content: dict[str, str]) -> None:
        """Let a file be seen, whole and for good, if none is there; raises FileExistsError."""
        draft = file.with_suffix(f".{os.urandom(8).hex()}")
        try:
            _write(draft, content)
            os.link(draft, file)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(file.parent)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise KeyStoreError(
                f"{self.path} is no key store, or is out of reach: {error}. Personal text can be neither read nor "
                "written without it. Bring the folder back, or name it in RUNLEDGER_KEYS."
            ) from error
        except OSError as error:
            raise KeyStoreError(
                f"the key store {self.path} cannot be used: {error}; check its folder and rights"
            ) from (error)
        except (ValueError, KeyError, TypeError) as error:
            raise KeyStoreError(f"the key store {self.path} has a damaged file: {error}; restore it") from error


def _mark(subject: str) -> str:
    # Names of subjects may be longer than names of files.
    return sha256(subject.encode()).hexdigest()[:_MARK_DIGITS]


def _read(file: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads(file.read_bytes())
    return content


def _write(file: Path, content: dict[str, str]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
