"""The two trees over a control log as it lies in ledger.db: of all accepted events, and of all streams' heads.

A leaf of the first is the position and the time of record in milliseconds, 8 bytes each (big-endian),
and the record's hash: what the running hash covers too. A leaf of the second is a stream's name, the
number of its last event and that one's hash (hex), with a space between; the leaves are sorted by
name. It shows that nothing behind a stream's last event is kept back.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ledger.attesting.merkle import leaf_hash, path_of, root_of
from ledger.store.database import Database

_CHUNK = 1 << 12
_EVENTS = "SELECT place, recorded_at, hash FROM control_events WHERE place >= ? ORDER BY place"
_HEADS = """
SELECT s.name, e.seq, e.hash FROM streams s
JOIN control_events e ON e.place = (
    SELECT place FROM control_events WHERE stream = s.id AND place <= ? ORDER BY seq DESC LIMIT 1)
WHERE s.name >= ? ORDER BY s.name"""
_COUNT_EVENTS = "SELECT count(*) FROM control_events WHERE place < ?"
_COUNT_HEADS = """
SELECT count(*) FROM streams s WHERE s.name < ?
AND EXISTS (SELECT 1 FROM control_events WHERE stream = s.id AND place <= ?)"""

Told = Callable[[int], None]
Row = tuple[Any, ...]


def event_leaf(position: int, recorded_at: int, record_hash: bytes) -> bytes:
    """What is hashed of an event."""
    return position.to_bytes(8, "big") + recorded_at.to_bytes(8, "big") + record_hash


def head_leaf(stream: str, seq: int, record_hash: bytes) -> bytes:
    """What is hashed of a stream's head."""
    return f"{stream} {seq} {record_hash.hex()}".encode()


@dataclass(frozen=True, slots=True)
class Tree:
    """The roots of its chunks; whoever needs a path reads one chunk again."""

    size: int
    last: Row
    """The row of the last leaf; empty if there is none."""
    _read: Callable[[Any], Iterable[Row]]
    _leaf: Callable[..., bytes]
    _chunks: tuple[bytes, ...]
    _starts: tuple[Any, ...]

    def root(self) -> bytes:
        """The root of the tree."""
        return root_of(self._chunks)

    def path(self, index: int) -> list[bytes]:
        """The path of the leaf at an index."""
        chunk, inside = divmod(index, _CHUNK)
        rows = islice(self._read(self._starts[chunk]), min(_CHUNK, self.size - chunk * _CHUNK))
        return path_of(inside, [leaf_hash(self._leaf(*row)) for row in rows]) + path_of(chunk, self._chunks)


def events_tree(database: Database, *, size: int | None = None, progress: Told = lambda _: None) -> Tree:
    """The tree over all accepted events, or over the first `size`, of which there may be fewer."""
    return _tree(lambda start: database.reading().execute(_EVENTS, (start,)), event_leaf, 0, size, progress)


def heads_tree(database: Database, position: int, progress: Told = lambda _: None) -> Tree:
    """The tree over the heads of all streams of the control log, as they were at a position."""
    return _tree(lambda start: database.reading().execute(_HEADS, (position, start)), head_leaf, "", None, progress)


def index_of_event(database: Database, position: int) -> int:
    """Which leaf the event at a position is."""
    return int(database.reading().execute(_COUNT_EVENTS, (position,)).fetchone()[0])


def index_of_head(database: Database, stream: str, position: int) -> int:
    """Which leaf the head of a stream is, as of a position."""
    return int(database.reading().execute(_COUNT_HEADS, (stream, position)).fetchone()[0])


def _tree(
    read: Callable[[Any], Iterable[Row]], leaf: Callable[..., bytes], first: Any, size: int | None, progress: Told
) -> Tree:
    rows: Iterator[Row] = islice(read(first), size)
    chunks: list[bytes] = []
    starts: list[Any] = []
    done, last = 0, ()
    while chunk := list(islice(rows, _CHUNK)):
        starts.append(chunk[0][0])
        chunks.append(root_of([leaf_hash(leaf(*row)) for row in chunk]))
        done, last = done + len(chunk), chunk[-1]
        progress(done)
    return Tree(done, last, read, leaf, tuple(chunks), tuple(starts))
