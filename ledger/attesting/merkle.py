"""The Merkle tree of RFC 6962, section 2.1: SHA-256, leaves and nodes told apart by their first byte."""

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two neighbours."""
    return sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes of leaves.

    Pairing level by level, with the last one rising where it has no neighbour, is the split at the
    largest power of two that RFC 6962 asks for.
    """
    level = list(hashes)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def path_of(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """The neighbours that lead from the leaf at `index` to the root, the lowest first."""
    level, found = list(hashes), []
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            found.append(level[neighbour])
        level, index = _above(level), index >> 1
    return found


def root_from(index: int, size: int, hashed: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that a path leads to from the leaf at `index` of `size`; None if it has another length than it must."""
    left = list(path)
    last = size - 1
    while last:
        if index ^ 1 <= last:
            if not left:
                return None
            neighbour = left.pop(0)
            hashed = node_hash(neighbour, hashed) if index & 1 else node_hash(hashed, neighbour)
        index, last = index >> 1, last >> 1
    return None if left else hashed


def _above(level: list[bytes]) -> list[bytes]:
    paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return paired + level[-1:] if len(level) & 1 else paired
