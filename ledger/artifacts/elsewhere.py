"""A place that fsspec reaches: `s3://bucket/prefix`, `memory://name`, and many others."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO, cast
from uuid import uuid4

from ledger.artifacts.folder import INCOMING, STALE_SECONDS
from ledger.artifacts.place import FILES_OF_RUNS, Draft, Purpose
from ledger.errors import UnavailableError


class FsspecPlace:
    """Bytes under one prefix of a file system of fsspec."""

    def __init__(self, address: str, purpose: Purpose = FILES_OF_RUNS) -> None:
        """Name it; whoever uses no files needs no fsspec either.

        Every method raises UnavailableError if fsspec is not installed, or not what it needs for such
        an address.
        """
        self._address = address.rstrip("/")
        self._purpose = purpose
        self._ready = False

    def begin(self) -> Draft:
        """Begin to write."""
        try:
            if not self._ready:
                self._clean()
            return _FsspecDraft(self._system, self._path, self._purpose.what)
        except OSError as error:
            raise self._not_written(error) from error

    def settle(self) -> None:
        """Nothing: what keeps it there says so when it is written."""

    def open(self, key: str) -> BinaryIO:
        """Read what lies there."""
        return cast("BinaryIO", self._system.open(self._path(key), "rb"))

    def size(self, key: str) -> int | None:
        """How many bytes lie there; None if nothing does."""
        try:
            return int(self._system.info(self._path(key), refresh=True)["size"])
        except FileNotFoundError:
            return None

    def keys(self, prefix: str) -> Iterator[str]:
        """What lies below a prefix."""
        self._system.invalidate_cache()
        top = self._path("")
        for path in sorted(self._system.find(self._path(prefix))):
            yield str(path)[len(top) :]

    def remove(self, key: str) -> None:
        """Delete what lies there."""
        with suppress(FileNotFoundError):
            self._system.rm_file(self._path(key))

    def address(self, key: str) -> str:
        """Its URL."""
        return f"{self._address}/{key}"

    def _path(self, key: str) -> str:
        return f"{self._opened[1].rstrip('/')}/{key}"

    @property
    def _system(self) -> Any:
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 - a plain folder needs none of it

            return cast("tuple[Any, str]", url_to_fs(self._address))
        except ImportError as error:
            raise UnavailableError(
                f"{self._purpose.what} at {self._address} need what "
                f"`pip install 'runledger[{self._purpose.extra}]'` brings, "
                f"and fsspec's driver for {self._address.partition('://')[0]}://: {error}"
            ) from error
        except (ValueError, OSError) as error:
            raise UnavailableError(f"{self._purpose.what} cannot lie at {self._address}: {error}") from error

    def _clean(self) -> None:
        now = datetime.now(UTC).timestamp()
        with suppress(FileNotFoundError, NotImplementedError):
            for path in self._system.find(self._path(f"{INCOMING}/")):
                if now - self._system.modified(path).timestamp() > STALE_SECONDS:
                    self._system.rm_file(path)
        self._ready = True

    def _not_written(self, error: OSError) -> UnavailableError:
        return UnavailableError(f"{self._purpose.what} cannot be written to {self._address}: {error}")


class _FsspecDraft:
    def __init__(self, system: Any, path: Any, what: str) -> None:
        self._system, self._path_of, self._what = system, path, what
        self._path: str | None = path(f"{INCOMING}/{uuid4().hex}")
        system.makedirs(path(INCOMING), exist_ok=True)
        self._file = system.open(self._path, "wb")

    def write(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as error:
            raise UnavailableError(f"{self._what} cannot be written: {error}") from error

    def keep(self, key: str) -> None:
        target = self._path_of(key)
        try:
            self._file.close()
            self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._system.mv(self._path, target)
        except OSError as error:
            raise UnavailableError(f"{self._what} cannot be written: {error}") from error
        self._path = None

    def drop(self) -> None:
        with suppress(OSError):
            self._file.close()
        if self._path is not None:
            with suppress(OSError):
                self._system.rm_file(self._path)
            self._path = None
