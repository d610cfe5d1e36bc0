"""A place for bytes: a folder, or whatever fsspec reaches. Keys are ours; no user's name is ever part of one."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol


class Purpose(NamedTuple):
    """What lies at a place, as errors name it, what brings its driver, and the note that a folder has beside it."""

    what: str
    extra: str
    note: str


FILES_OF_RUNS = Purpose(
    "files of runs",
    "artifacts",
    """\
Files of runs, each under the SHA-256 of what it holds: the same bytes are kept once, however many runs and names they
have. The names stand in the ledger: `runledger run files -r RUN` lists them with these SHA-256,
`runledger run download -r RUN -d FOLDER` writes them under their names, and `sha256sum` tells whether one was changed.
`incoming/` holds what is being uploaded right now.
""",
)


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
