"""All files of a run as one zip, made while it is sent: neither disk nor memory holds it."""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from typing_extensions import Buffer

from runledger.studio.outputs.text import PIECE, Source

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LEVEL = 1
_MODE = 0o644 << 16


class _Passed(io.RawIOBase):
    """Takes what a zip writes, until it is fetched."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Buffer) -> int:
        view = memoryview(content).cast("B")
        self._held += view
        return len(view)

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


def zipped(members: Sequence[tuple[str, str | None, Source]]) -> Iterator[bytes]:
    """The bytes of a zip of files: each a name, when it was added (ISO 8601), and where it is read."""
    passed = _Passed()
    with ZipFile(passed, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as packed:
        for name, added, source in members:
            # Nobody knows yet how large a file that still grows will be.
            with packed.open(_info(name, added), "w", force_zip64=True) as file:
                start = 0
                while content := source.read(start, PIECE):
                    file.write(content)
                    start += len(content)
                    yield passed.take()
    yield passed.take()


def _info(name: str, added: str | None) -> ZipInfo:
    at = datetime.fromisoformat(added).astimezone(UTC).timetuple()[:6] if added else _EARLIEST
    info = ZipInfo(name, max(at, _EARLIEST))
    info.compress_type, info.external_attr = ZIP_DEFLATED, _MODE
    return info
