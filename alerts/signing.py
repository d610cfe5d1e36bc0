"""Signatures under what we send out, so that what comes back can be told from what others made up."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

_FORM = b"runledger/signature/1\n"
SHORTEST_KEY = 32
"""Characters that a key has at least."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one workspace, by its log's id, with the first key; what any of the keys signed is ours."""

    log_id: str
    keys: Sequence[bytes] = field(repr=False)

    def sign(self, purpose: str, content: bytes, size: int) -> bytes:
        """The first `size` bytes of an HMAC-SHA256 that holds for this purpose alone."""
        return self._full(self.keys[0], purpose, content)[:size]

    def accepts(self, purpose: str, content: bytes, signature: bytes, size: int) -> bool:
        """Whether we signed this for this purpose with so many bytes."""
        expected = [self._full(key, purpose, content)[:size] for key in self.keys]
        return any([hmac.compare_digest(each, signature) for each in expected])  # noqa: C419 - each takes its time

    def _full(self, key: bytes, purpose: str, content: bytes) -> bytes:
        parts = (self.log_id.encode(), purpose.encode(), content)
        return hmac.digest(key, _FORM + b"".join(b"%d:%b," % (len(part), part) for part in parts), "sha256")
