"""Bytes kept under their SHA-256: the same once, and changed ones are found out."""

from collections.abc import Iterator
from hashlib import sha256
from types import TracebackType
from typing import BinaryIO, Self

from ledger.artifacts.content import Content, key_of
from ledger.artifacts.place import Draft, Place
from ledger.errors import BadContentError, ContentNotFoundError, LimitExceededError

PIECE_BYTES = 1 << 20
MAX_BYTES = 100_000_000_000
"""The largest file that is taken, unless RUNLEDGER_ARTIFACT_BYTES says otherwise."""


def content_of(source: BinaryIO) -> Content:
    """What a stream holds from here on."""
    digest, size = sha256(), 0
    while piece := source.read(PIECE_BYTES):
        digest.update(piece)
        size += len(piece)
    return Content(digest.hexdigest(), size)


class Contents:
    """The contents at one place."""

    def __init__(self, place: Place, max_bytes: int = MAX_BYTES) -> None:
        """Keep contents of up to `max_bytes` each."""
        self.place = place
        self.max_bytes = max_bytes

    def begin(self) -> "Incoming":
        """Take a content piece by piece."""
        return Incoming(self.place, self.max_bytes)

    def put(self, source: BinaryIO, expected: str | None = None) -> Content:
        """Keep what a stream holds.

        Raises:
            BadContentError: it has not the expected SHA-256; nothing is kept.
            LimitExceededError: it is larger than allowed; nothing is kept.
            UnavailableError: it cannot be written; nothing is kept.
        """
        with self.begin() as incoming:
            while piece := source.read(PIECE_BYTES):
                incoming.write(piece)
            return incoming.keep(expected)

    def has(self, content: Content) -> bool:
        """Whether it is kept, all of it."""
        return self.place.size(key_of(content.sha256)) == content.size

    def open(self, digest: str) -> BinaryIO:
        """Read a content; raises ContentNotFoundError."""
        try:
            return self.place.open(key_of(digest))
        except OSError as error:
            raise ContentNotFoundError(digest) from error

    def size(self, digest: str) -> int:
        """How large a content is; raises ContentNotFoundError."""
        found = self.place.size(key_of(digest))
        if found is None:
            raise ContentNotFoundError(digest)
        return found

    def address(self, digest: str) -> str:
        """The path or URL under which it lies."""
        return self.place.address(key_of(digest))


class Incoming:
    """A content on its way: seen when it is kept, and gone if it is not."""

    def __init__(self, place: Place, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._draft: Draft = place.begin()
        self._digest, self._size = sha256(), 0

    def write(self, piece: bytes) -> None:
        """Take some more of it; raises LimitExceededError."""
        self._size += len(piece)
        check_size(self._size, self._max_bytes)
        self._digest.update(piece)
        self._draft.write(piece)

    def keep(self, expected: str | None = None) -> Content:
        """Let it be seen; raises BadContentError if it has not the expected SHA-256."""
        content = Content(self._digest.hexdigest(), self._size)
        if expected not in {None, content.sha256}:
            raise BadContentError(
                f"what arrived has the SHA-256 {content.sha256} and {self._size:,} bytes, and {expected} was sent: "
                "it was changed on its way, or while it was read; nothing was kept. Send it again."
            )
        # In the place of the same bytes, if they are there: who knows what became of them.
        self._draft.keep(key_of(content.sha256))
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draft.drop()


def check_size(size: int, max_bytes: int) -> None:
    """Raise LimitExceededError for a file that is too large."""
    if size > max_bytes:
        raise LimitExceededError(
            f"a file of a run may have {max_bytes:,} bytes, and this one has more; "
            "RUNLEDGER_ARTIFACT_BYTES sets the limit"
        )


def pieces(source: BinaryIO) -> Iterator[bytes]:
    """What a stream holds, piece by piece; it is closed at the end."""
    with source:
        while piece := source.read(PIECE_BYTES):
            yield piece
