"""Which records of a log are accepted, decided the same way by every reader for ever.

A record is accepted if and only if it follows the head of its stream by number and by hash
and lies in the partition its stream belongs to; all else is void.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from schemas.errors import BadRecordError
from schemas.records import NO_PREVIOUS, Envelope, Headers, Record, has_standard_headers, parse_record
from schemas.streams import GENESIS_KIND, LogName, kind_of, log_of, partition_of

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
    for arrival in arrivals:
        recorded_at = max(folded.progress.recorded_at, arrival.timestamp)
        try:
            accepted = _accept(arrival, recorded_at, partition, folded, head, rule)
        except BadRecordError as error:
            folded.voids.append(Void(arrival.offset, recorded_at, arrival.record, error.rule, partition.number))
            folded.progress = Progress(arrival.offset + 1, recorded_at, folded.progress.running)
        else:
            folded.accepted.append(accepted)
            folded.heads[accepted.envelope.stream] = Head(accepted.envelope.seq, accepted.hash)
            folded.progress = Progress(arrival.offset + 1, recorded_at, accepted.running)
    return folded


def next_running(running: bytes, offset: int, recorded_at: int, record_hash: bytes) -> bytes:
    """The hash over a whole partition up to and with the event at `offset`, times of record included."""
    place = offset.to_bytes(8, "big") + recorded_at.to_bytes(8, "big")
    return sha256(_RUNNING_FORM + running + place + record_hash).digest()


def _accept(
    arrival: Arrival,
    recorded_at: int,
    partition: Partition,
    folded: Folded,
    head: Callable[[str], Head | None],
    rule: Callable[[Envelope, Head | None], bool],
) -> Accepted:
    envelope = parse_record(arrival.record)
    stream = envelope.stream
    _check_place(stream, arrival.offset, partition)
    current = folded.heads.get(stream) or head(stream)
    if not rule(envelope, current):
        raise BadRecordError("it does not follow the head of its stream")
    record_hash = envelope.hash(partition.log_id)
    return Accepted(
        offset=arrival.offset,
        recorded_at=recorded_at,
        envelope=envelope,
        hash=record_hash,
        running=next_running(folded.progress.running, arrival.offset, recorded_at, record_hash),
        headers=None if has_standard_headers(arrival.record.headers) else arrival.record.headers,
    )


def _check_place(stream: str, offset: int, partition: Partition) -> None:
    if kind_of(stream) == GENESIS_KIND:
        if offset != 0 or partition.number != 0:
            raise BadRecordError("a genesis is the first record of a log or nothing")
        return
    if log_of(stream) != partition.log:
        raise BadRecordError(f"its stream belongs to the {log_of(stream)} log")
    if partition_of(stream, partition.count) != partition.number:
        raise BadRecordError("it lies in a partition that its stream does not belong to")
