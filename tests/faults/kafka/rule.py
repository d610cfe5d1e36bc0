"""The published rule, read anew: what an independent reader takes for the history of a log.

It shares nothing with the ledger's own fold: another reading of the rule and another writing of the hash decide. It
holds 44 bytes an event, and a little for each stream.
"""

import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

_FIELDS = ("stream", "seq", "prev", "id", "source", "type", "time", "actor")
_PARTITION_BITS = 40
VOID = -1
OUTSIDE = bytes(32)


class Raw(NamedTuple):
    """A record as any Kafka client gives it."""

    partition: int
    offset: int
    key: bytes | None
    headers: Mapping[str, bytes]
    value: bytes


@dataclass(slots=True)
class Stream:
    """The accepted events of one stream: of each its place, in the order of their numbers, from 1."""

    number: int
    hash: str = ""
    places: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class Partition:
    """What lies at each offset of a partition: the hash of an accepted event and its stream, or a void record."""

    hashes: bytearray = field(default_factory=bytearray)
    streams: "array[int]" = field(default_factory=lambda: array("i"))

    def note(self, hash_: bytes, stream: int) -> None:
        """The next record of the partition."""
        self.hashes += hash_
        self.streams.append(stream)

    def hash_at(self, offset: int) -> bytes:
        return bytes(self.hashes[offset * 32 : offset * 32 + 32])


@dataclass(slots=True)
class History:
    """What a reader takes for the history of one log."""

    log_id: str
    partitions: list[Partition]
    streams: dict[str, Stream] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    """The name of each stream, by its number."""
    faults: list[str] = field(default_factory=list)
    """What is wrong with the log itself."""
    accepted: int = 0
    voids: int = 0

    @classmethod
    def empty(cls, log_id: str, partitions: int) -> "History":
        """Of a log of which nothing was read yet."""
        return cls(log_id, [Partition() for _ in range(partitions)])

    def place(self, stream: str, seq: int) -> int:
        """Where the accepted event of this number lies; -1 if there is none."""
        found = self.streams.get(stream)
        return found.places[seq - 1] if found and 1 <= seq <= len(found.places) else -1

    def hash_of(self, place: int) -> str:
        """The hash of the accepted event at a place; zeros for a void record, or none."""
        partition, offset = split(place)
        return self.partitions[partition].hash_at(offset).hex()

    def holds(self, stream: str, seq: int, hash_: str) -> bool:
        """Whether the event of this number is accepted, and is this very one."""
        place = self.place(stream, seq)
        return place >= 0 and self.hash_of(place) == hash_

    def read(self, records: Iterable[Raw], *, check_prev: bool = True) -> "History":
        """Fold records in the order of each partition; without `check_prev` by their number alone."""
        for raw in records:
            partition = self.partitions[raw.partition]
            if raw.offset != len(partition.streams):
                self.faults.append(f"partition {raw.partition} has {raw.offset} where {len(partition.streams)} is next")
                partition.hashes += bytes(32 * (raw.offset - len(partition.streams)))
                partition.streams.extend([VOID] * (raw.offset - len(partition.streams)))
            self._read(raw, partition, check_prev=check_prev)
        return self

    def _read(self, raw: Raw, partition: Partition, *, check_prev: bool) -> None:
        name = raw.headers["ce_stream"].decode()
        seq, prev = int(raw.headers["ce_seq"]), raw.headers["ce_prev"].decode()
        stream = self.streams.get(name)
        last, head = (len(stream.places), stream.hash) if stream else (0, "")
        genesis = name.startswith("log:")  # one that is not the first record is void
        here = not genesis and crc32(raw.key or b"") % len(self.partitions) == raw.partition
        if not here or seq != last + 1 or (check_prev and prev != head):
            partition.note(OUTSIDE, VOID)
            self.voids += not (genesis and raw.partition == raw.offset == 0)
            return
        if stream is None:
            stream = self.streams[name] = Stream(len(self.names))
            self.names.append(name)
        if prev != stream.hash:
            self.faults.append(f"{name} {seq} at {raw.partition}/{raw.offset} stands on a rival's predecessor")
        if json.loads(raw.value)["n"] != seq:
            self.faults.append(f"{name} {seq} at {raw.partition}/{raw.offset} was decided on another state")
        digest = record_hash(self.log_id, raw)
        partition.note(digest, stream.number)
        stream.hash = digest.hex()
        stream.places.append(join(raw.partition, raw.offset))
        self.accepted += 1


def record_hash(log_id: str, raw: Raw) -> bytes:
    """The hash of a record, from the description in the documentation."""
    digest = sha256(b"runledger/1\n")
    for part in (log_id.encode(), *(raw.headers[f"ce_{name}"] for name in _FIELDS), raw.value):
        digest.update(b"%d:%b," % (len(part), part))
    return digest.digest()


def join(partition: int, offset: int) -> int:
    """A place: the number that an append answers with."""
    return partition << _PARTITION_BITS | offset


def split(place: int) -> tuple[int, int]:
    """The partition and the offset of a place."""
    return place >> _PARTITION_BITS, place & ((1 << _PARTITION_BITS) - 1)
