"""Files of runs beside the journal whose commands name them: each writer has its own, so nobody can hurt another's."""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ledger.artifacts.content import Content
from ledger.errors import UnavailableError
from ledger.journal.folder import WriterFolder

_PIECE_BYTES = 1 << 20


def keep_content(folder: WriterFolder, source: BinaryIO) -> Content:
    """Copy a file, from its beginning, beside a journal; under its SHA-256 it is whole, and on the disk.

    Raises:
        UnavailableError: it cannot be written there; nothing is left of it.
    """
    source.seek(0)
    partial = folder.path / f"{uuid4().hex}.partial"
    try:
        content = _copied(source, partial)
        partial.replace(folder.content(content.sha256))
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise UnavailableError(f"it cannot be kept in {folder.path}: {error.strerror or error}") from error
    return content


def _copied(source: BinaryIO, target: Path) -> Content:
    digest, size = sha256(), 0
    with target.open("xb") as file:
        while piece := source.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return Content(digest.hexdigest(), size)


def is_as_kept(folder: WriterFolder, content: str) -> bool:
    """Whether the file under a SHA-256 still has it; raises FileNotFoundError."""
    digest = sha256()
    with folder.content(content).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest() == content
