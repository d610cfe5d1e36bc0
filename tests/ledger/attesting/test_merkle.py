"""The tree of RFC 6962: every leaf's path leads to the root, and nothing else does."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from ledger.attesting.merkle import EMPTY, leaf_hash, node_hash, path_of, root_from, root_of


def split_root(hashes: list[bytes]) -> bytes:
    """The definition, word by word: split at the largest power of two below the size."""
    if len(hashes) == 1:
        return hashes[0]
    at = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(split_root(hashes[:at]), split_root(hashes[at:]))


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY == sha256(b"").digest()


def test_the_published_roots_of_certificate_transparency() -> None:
    """The reference leaves of RFC 6962 implementations."""
    given_leaves = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"]
    hashes = [leaf_hash(leaf) for leaf in given_leaves]
    assert root_of(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


@given(st.integers(1, 300))
def test_pairing_level_by_level_is_the_split_of_the_definition(count: int) -> None:
    assert root_of(leaves(count)) == split_root(leaves(count))


@given(st.integers(1, 300), st.data())
def test_a_path_leads_to_the_root_from_its_leaf_alone(count: int, data: st.DataObject) -> None:
    hashes = leaves(count)
    index = data.draw(st.integers(0, count - 1))
    path = path_of(index, hashes)

    assert root_from(index, count, hashes[index], path) == root_of(hashes)
    assert root_from(index, count, leaf_hash(b"another"), path) != root_of(hashes)
    assert root_from(index, count, hashes[index], [*path, EMPTY]) is None
    if path:
        assert root_from(index, count, hashes[index], path[:-1]) is None
        changed = data.draw(st.integers(0, len(path) - 1))
        other = [EMPTY if at == changed else each for at, each in enumerate(path)]
        assert root_from(index, count, hashes[index], other) != root_of(hashes)
