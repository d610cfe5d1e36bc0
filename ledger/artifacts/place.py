"""A place for bytes: a folder, or whatever fsspec reaches. Keys are ours; no user's name is ever part of one."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol


class Draft(Protocol):
    """Bytes that nobody sees yet."""

    def write(self, piece: bytes) -> None:
        """Add to them; raises UnavailableError."""

    def keep(self, key: str) -> None:
        """Let them be seen under a key from now on, whole; `settle` makes that last. Raises UnavailableError."""

    def drop(self) -> None:
        """Forget them; after `keep` this does nothing."""


class Place(Protocol):
    """Where bytes lie under keys such as `sha256/ab/ab01...`."""

    def begin(self) -> Draft:
        """Begin to write; raises UnavailableError."""

    def settle(self) -> None:
        """Come back once everything that was kept outlives a loss of power; raises UnavailableError."""

    def open(self, key: str) -> BinaryIO:
        """Read what lies there; raises FileNotFoundError."""

    def size(self, key: str) -> int | None:
        """How many bytes lie there; None if nothing does."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with a prefix, which ends with `/`, in order."""

    def remove(self, key: str) -> None:
        """Delete what lies there; nothing there is nothing to do."""

    def address(self, key: str) -> str:
        """How a person finds it: a path or a URL."""
