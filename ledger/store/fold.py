"""Which records of a log are accepted, decided the same way by every reader for ever.

A record is accepted if and only if it follows the head of its stream by number and by hash
and lies in the partition its stream belongs to; all else is void.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from schemas.errors import BadRecordError
from schemas.records import NO_PREVIOUS, Envelope, Headers, Record, canonical_bytes, parse_fields
from schemas.streams import GENESIS_KIND, LogName, kind_of, log_of_kind, partition_of

NO_RUNNING = bytes(32)
_RUNNING_FORM = b"runledger/running/1\n"


class Head(NamedTuple):
    """The last accepted event of a stream: its number and its hash (32 bytes)."""

    seq: int
    hash: bytes


class Arrival(NamedTuple):
    """A record as it lies in a partition: `timestamp` is the log's own, in milliseconds."""

    offset: int
    timestamp: int
    record: Record


class Accepted(NamedTuple):
    """An accepted event; `headers` is None where the standard headers give the same bytes."""

    offset: int
    recorded_at: int
    envelope: Envelope
    hash: bytes
    running: bytes
    headers: Headers | None


class Void(NamedTuple):
    """A record that no reader accepts, and the rule it broke."""

    offset: int
    recorded_at: int
    record: Record
    rule: str
    partition: int = 0


class Progress(NamedTuple):
    """How far a partition was read: next offset, latest time, hash over all accepted before."""

    next_offset: int = 0
    recorded_at: int = 0
    running: bytes = NO_RUNNING


@dataclass(slots=True)
class Folded:
    """What a stretch of a partition comes to."""

    progress: Progress
    accepted: list[Accepted] = field(default_factory=list)
    voids: list[Void] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of one of the two logs, as pinned by the log's genesis."""

    log: LogName
    log_id: str
    number: int = 0
    count: int = 1


def follows(envelope: Envelope, head: Head | None) -> bool:
    """The rule of arbitration. A first event may have number 0 or 1 and names no previous."""
    if head is None:
        return envelope.prev == NO_PREVIOUS and envelope.seq in {0, 1}
    return envelope.seq == head.seq + 1 and envelope.prev == head.hash.hex()


def fold(
    arrivals: Iterable[Arrival],
    *,
    partition: Partition,
    progress: Progress,
    head: Callable[[str], Head | None],
    rule: Callable[[Envelope, Head | None], bool] = follows,
) -> Folded:
    """Fold records, in offset order, onto the heads that stood before them.

    `head` answers for the state at `progress`; heads changed here are in the result only.
    `rule` is another than `follows` only where a test shows what goes wrong without it.
    """
    folded = Folded(progress)
    next_offset, recorded_at, running = progress
    for arrival in arrivals:
        offset, timestamp, record = arrival
        recorded_at = max(recorded_at, timestamp)
        try:
            envelope, fields, standard = parse_fields(record)
            stream = envelope.stream
            _check_place(stream, offset, partition)
            _check_follows(envelope, folded.heads.get(stream) or head(stream), rule)
        except BadRecordError as error:
            folded.voids.append(Void(offset, recorded_at, record, error.rule, partition.number))
        else:
            record_hash = sha256(canonical_bytes(partition.log_id, fields, envelope.value)).digest()
            running = next_running(running, offset, recorded_at, record_hash)
            headers = None if standard else record.headers
            folded.accepted.append(Accepted(offset, recorded_at, envelope, record_hash, running, headers))
            folded.heads[stream] = Head(envelope.seq, record_hash)
        next_offset = offset + 1
    folded.progress = Progress(next_offset, recorded_at, running)
    return folded


def next_running(running: bytes, offset: int, recorded_at: int, record_hash: bytes) -> bytes:
    """The hash over a whole partition up to and with the event at `offset`, times of record included."""
    place = offset.to_bytes(8, "big") + recorded_at.to_bytes(8, "big")
    return sha256(_RUNNING_FORM + running + place + record_hash).digest()


def _check_follows(envelope: Envelope, head: Head | None, rule: Callable[[Envelope, Head | None], bool]) -> None:
    if not rule(envelope, head):
        raise BadRecordError("it does not follow the head of its stream")


def _check_place(stream: str, offset: int, partition: Partition) -> None:
    kind = kind_of(stream)
    if kind == GENESIS_KIND:
        if offset != 0 or partition.number != 0:
            raise BadRecordError("a genesis is the first record of a log or nothing")
        return
    log = log_of_kind(kind)
    if log != partition.log:
        raise BadRecordError(f"its stream belongs to the {log} log")
    if partition_of(stream, partition.count) != partition.number:
        raise BadRecordError("it lies in a partition that its stream does not belong to")
