"""Comparing a replica with the topics that it was filled from, record by record, chain by chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from ledger.links import EVENT_ID, FIELDS, HASH, HEADERS, PLACE, RECORDED_AT, SEQ, STREAM, VALUE, select_rows
from ledger.store.database import Database
from ledger.store.fold import NO_RUNNING, Accepted, Arrival, Head, Partition, Progress, Void, fold
from ledger.store.packing import unpack_headers
from ledger.store.tables import EVENT_TABLES, offset_of, place_of
from schemas.errors import BadRecordError
from schemas.records import Envelope, Record, canonical_bytes, parse_record
from schemas.streams import CONTROL, LogName, key_of

Side = Literal["topic", "replica", "either"]
"""Which of the two is not what it was, as far as the chains tell."""

SHOWN = 100
"""How many differences are named; the rest is counted."""

_SELECT_HEADS = """
SELECT s.name, max(e.seq), e.hash FROM {table} e JOIN streams s ON s.id = e.stream
WHERE e.place >= ? AND e.place < ? GROUP BY e.stream"""
_SELECT_LAST = "SELECT recorded_at, running FROM {table} WHERE place >= ? AND place < ? ORDER BY place DESC LIMIT 1"
_SELECT_LAST_VOID = (
    "SELECT recorded_at FROM voids WHERE log = ? AND place >= ? AND place < ? ORDER BY place DESC LIMIT 1"
)
_COUNT = """
SELECT (SELECT count(*) FROM {table} WHERE place >= ? AND place < ?)
     + (SELECT count(*) FROM voids WHERE log = ? AND place >= ? AND place < ?)"""
_NAMES = ("stream", "number", "predecessor", "id", "source", "type", "time", "actor", "value")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where replica and topic do not hold the same; the first of its stream."""

    log: LogName
    partition: int
    offset: int
    stream: str | None
    seq: int | None
    event_id: str | None
    side: Side
    what: str

    def __str__(self) -> str:
        """One line for a person."""
        where = f"{self.log} log, " + (f"partition {self.partition}, " if self.log != CONTROL else "")
        event = f", {self.stream} event {self.seq} (id {self.event_id})" if self.stream else ""
        return f"{where}offset {self.offset}{event}: {self.what}"


class _Kept(NamedTuple):
    """What the replica holds at an offset: an event, or a void record with the rule it broke."""

    offset: int
    recorded_at: int
    record: Record | None
    stream: str | None
    seq: int | None
    event_id: str | None
    hash: bytes | None
    rule: str | None


class Comparison:
    """Compares one partition: it is given what the topic holds, in the order of offsets."""

    def __init__(
        self,
        database: Database,
        partition: Partition,
        heads: dict[str, Head],
        broken: set[str],
        *,
        intact: bool,
        begin: int = 0,
    ) -> None:
        """`heads` and `broken` streams are the log's; `intact` is whether the replica's own chains hold.

        What lies before `begin` was compared before, and was the same.
        """
        self._partition = partition
        self._heads = heads
        self._broken = broken
        self._intact = intact
        self._kept = _kept(database, partition, begin)
        self._next = next(self._kept, None)
        self._progress = _progress_at(database, partition, begin)
        heads.update(_heads_at(database, partition, begin))
        self.read = database.progress(partition.log, partition.number).next_offset
        self.known = self.compared = _count_before(database, partition, begin)
        self.found: list[Difference] = []
        self.more = 0

    @property
    def reached(self) -> int:
        """The offset behind what was compared."""
        return self._progress.next_offset

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Compare a stretch of the topic."""
        folded = fold(arrivals, partition=self._partition, progress=self._progress, head=self._heads.get)
        self._heads.update(folded.heads)
        self._progress = folded.progress
        decided: dict[int, Accepted | Void] = {each.offset: each for each in folded.accepted}
        decided |= {each.offset: each for each in folded.voids}
        for arrival in arrivals:
            self._lacking_before(arrival.offset)
            kept = self._next
            if kept is None or kept.offset > arrival.offset:
                self._note_extra(arrival)
            else:
                self._compare(arrival, decided[arrival.offset], kept)
                self._next = next(self._kept, None)
            self.compared += 1

    def finish(self) -> None:
        """The topic holds no more of what the replica has read."""
        self._lacking_before(None)

    def damaged(self, offset: int, what: str) -> None:
        """Note what cannot be compared as it is."""
        self._note(offset, None, None, None, "topic", what)

    def _lacking_before(self, offset: int | None) -> None:
        while self._next is not None and (offset is None or self._next.offset < offset):
            kept, self._next = self._next, next(self._kept, None)
            what = "the replica holds a record here, and the topic holds none any more"
            self._note(kept.offset, kept.stream, kept.seq, kept.event_id, "topic", what)

    def _note_extra(self, arrival: Arrival) -> None:
        stream, seq, event_id = _named(arrival.record)
        what = "the topic holds a record here, and it is missing in the replica"
        self._note(arrival.offset, stream, seq, event_id, "replica", what)

    def _compare(self, arrival: Arrival, topic: Accepted | Void, kept: _Kept) -> None:
        differing = _differing(arrival.record, kept.record)
        if differing:
            what = f"topic and replica hold different records here: {differing} differ"
            self._note_of(kept, arrival, self._side(topic, kept), what)
        elif isinstance(topic, Void) and kept.rule is None:
            self._note_of(kept, arrival, self._fault, f"it is void by what the topic holds ({topic.rule}), and kept")
        elif isinstance(topic, Accepted) and kept.rule is not None:
            self._note_of(
                kept, arrival, "replica", f"it follows in the topic, and is void in the replica ({kept.rule})"
            )
        elif isinstance(topic, Void) and topic.rule != kept.rule:
            what = f"it is void by another rule: {topic.rule}, in the replica: {kept.rule}"
            self._note_of(kept, arrival, "replica", what)
        elif topic.recorded_at != kept.recorded_at:
            self._note_of(kept, arrival, self._fault, "it was recorded at another time than the replica says")

    @property
    def _fault(self) -> Side:
        return "topic" if self._intact else "either"

    def _side(self, topic: Accepted | Void, kept: _Kept) -> Side:
        if kept.hash is None:
            return "either"  # no chain guards what is void
        if kept.record is None:
            return "replica"
        if isinstance(topic, Accepted) and topic.hash == kept.hash:
            return "replica"
        return self._fault if _hash_of(kept.record, self._partition.log_id) == kept.hash else "replica"

    def _note_of(self, kept: _Kept, arrival: Arrival, side: Side, what: str) -> None:
        stream, seq, event_id = (kept.stream, kept.seq, kept.event_id) if kept.stream else _named(arrival.record)
        self._note(kept.offset, stream, seq, event_id, side, what)

    def _note(
        self, offset: int, stream: str | None, seq: int | None, event_id: str | None, side: Side, what: str
    ) -> None:
        if stream is not None and stream in self._broken:
            return  # what follows a difference in a chain differs too
        if stream is not None:
            self._broken.add(stream)
        if len(self.found) < SHOWN:
            log, number = self._partition.log, self._partition.number
            self.found.append(Difference(log, number, offset, stream, seq, event_id, side, what))
        else:
            self.more += 1


def _heads_at(database: Database, partition: Partition, offset: int) -> dict[str, Head]:
    """The last event before an offset of each stream in a partition of the replica."""
    rows = database.reading().execute(
        _SELECT_HEADS.format(table=EVENT_TABLES[partition.log]), _before(partition, offset)
    )
    return {stream: Head(seq, record_hash) for stream, seq, record_hash in rows}


def _progress_at(database: Database, partition: Partition, offset: int) -> Progress:
    """How far somebody is who has read the replica up to an offset."""
    bounds = _before(partition, offset)
    select = _SELECT_LAST.format(table=EVENT_TABLES[partition.log])
    recorded_at, running = database.reading().execute(select, bounds).fetchone() or (0, NO_RUNNING)
    void = database.reading().execute(_SELECT_LAST_VOID, (partition.log, *bounds)).fetchone()
    return Progress(offset, max(recorded_at, void[0] if void else 0), running)


def _count_before(database: Database, partition: Partition, offset: int) -> int:
    """How many records of a partition the replica holds before an offset."""
    bounds = _before(partition, offset)
    select = _COUNT.format(table=EVENT_TABLES[partition.log])
    return int(database.reading().execute(select, (*bounds, partition.log, *bounds)).fetchone()[0])


def _before(partition: Partition, offset: int) -> tuple[int, int]:
    return place_of(partition.number, 0), place_of(partition.number, offset)


def _kept(database: Database, partition: Partition, begin: int) -> Iterator[_Kept]:
    """What the replica holds of a partition from an offset on, in the order of offsets."""
    bounds = (place_of(partition.number, begin), place_of(partition.number + 1, 0))
    events = (_of_row(row) for row in database.reading().execute(select_rows(partition.log), bounds))
    voids = (_of_void(void) for void in database.voids_between(partition.log, *bounds))
    event, void = next(events, None), next(voids, None)
    while event is not None or void is not None:
        if void is None or (event is not None and event.offset <= void.offset):
            assert event is not None  # noqa: S101 - for the type checker: one of them is there
            yield event
            event = next(events, None)
        else:
            yield void
            void = next(voids, None)


def _of_row(row: tuple[Any, ...]) -> _Kept:
    return _Kept(
        offset_of(row[PLACE]), row[RECORDED_AT], _record_of(row), row[STREAM], row[SEQ], row[EVENT_ID], row[HASH], None
    )


def _of_void(void: Void) -> _Kept:
    stream, seq, event_id = _named(void.record)
    return _Kept(void.offset, void.recorded_at, void.record, stream, seq, event_id, None, void.rule)


def _record_of(row: tuple[Any, ...]) -> Record | None:
    """The record that an event was; None if its columns cannot be of one any more."""
    try:
        stream, seq, prev, event_id, source, type_, time, actor = (field.decode() for field in row[FIELDS])
        envelope = Envelope(stream, int(seq), prev, event_id, source, type_, time, actor, bytes(row[VALUE]))
        if row[HEADERS] is None:
            return envelope.record()
        return Record(key_of(stream).encode(), unpack_headers(row[HEADERS]), bytes(row[VALUE]))
    except (AttributeError, TypeError, ValueError, IndexError):
        return None


def _named(record: Record) -> tuple[str | None, int | None, str | None]:
    try:
        envelope = parse_record(record)
    except BadRecordError:
        return None, None, None
    return envelope.stream, envelope.seq, envelope.id


def _hash_of(record: Record, log_id: str) -> bytes | None:
    try:
        envelope = parse_record(record)
    except BadRecordError:
        return None
    return sha256(canonical_bytes(log_id, envelope.fields(), envelope.value)).digest()


def _differing(topic: Record, replica: Record | None) -> str:
    """What differs between two records, by name; empty if nothing does."""
    if topic == replica:
        return ""
    try:
        if replica is None:
            return "its fields"
        ours, theirs = parse_record(replica), parse_record(topic)
    except BadRecordError:
        parts = zip(("key", "headers", "value"), topic, replica or (None, None, None), strict=True)
        return " and ".join(name for name, one, other in parts if one != other)
    return " and ".join(n for n, one, other in zip(_NAMES, ours, theirs, strict=True) if one != other) or "headers"
