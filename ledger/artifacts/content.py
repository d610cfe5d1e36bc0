"""What a file holds, by its SHA-256; light enough for a training process."""

import re
from dataclasses import dataclass

from ledger.errors import ContentNotFoundError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: `sha256` in lower-case hex, `size` in bytes."""

    sha256: str
    size: int


def key_of(digest: str) -> str:
    """Where a content lies; raises ContentNotFoundError for what is no SHA-256."""
    if not _SHA256.fullmatch(digest):
        raise ContentNotFoundError(digest)
    return f"sha256/{digest[:2]}/{digest}"
