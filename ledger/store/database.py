"""The SQLite file ledger.db: one writer at a time, any number of readers, in any process."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from ledger.errors import LogRefusedError
from ledger.privacy.cipher import PLAIN, Cipher
from ledger.store import tables
from ledger.store.file import SqliteFile
from ledger.store.fold import Accepted, Folded, Head, Partition, Progress, Void
from ledger.store.packing import pack_headers, unpack_headers
from schemas.events import Event, OpaqueEvent
from schemas.personal import MARK
from schemas.records import Envelope, Headers, Record
from schemas.registry import decode
from schemas.streams import CONTROL, LogName

_LAST = (1 << 62) - 1
# 64 MiB of pages: where records come faster than they are moved, the write-ahead log must not grow for ever.
_MUCH_PAGES = 8_192

# A batch of values has some 2 kB: two of them do not fit into a page of 4 kB (ADR 0055).
_PAGE_BYTES = 8_192


class Recorded(NamedTuple):
    """An accepted event with its place; in the control log a place is the position."""

    place: int
    recorded_at: int
    envelope: Envelope
    hash: bytes
    running: bytes
    headers: Headers | None

    @property
    def position(self) -> int:
        """The place in the control log's total order."""
        return self.place


class PlainEvent(NamedTuple):
    """An accepted event without what proves it."""

    place: int
    stream: str
    seq: int
    id: str
    source: str
    type: str
    time: str
    actor: str
    value: bytes
    recorded_at: int


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """What the genesis of a log pinned."""

    name: LogName
    id: str
    partitions: int


class Database(SqliteFile):
    """Reads from, and folds into, one ledger.db; `cipher` tells how personal text in it is written and read."""

    def __init__(self, path: Path, *, durable: bool, cipher: Cipher = PLAIN) -> None:
        """Open or make the file; `durable` syncs each commit to the disk (the embedded logs)."""
        super().__init__(path, durable=durable, page_bytes=_PAGE_BYTES)
        self.cipher = cipher
        self.make_once(tables.SCHEMA, tables.SCHEMA_VERSION)

    def event(self, envelope: Envelope) -> Event | OpaqueEvent:
        """What an accepted event says, its personal text in the clear or erased.

        Raises:
            KeyStoreError: there is such text, and the key store cannot be asked.
        """
        return decode(envelope.type, self.cipher.readable(envelope.stream, envelope.seq, envelope.value))

    def identify(self, connection: sqlite3.Connection, identity: LogIdentity) -> None:
        """Pin the identity of a log; a log that was pinned otherwise is refused."""
        known = self.identities().get(identity.name)
        if known is None:
            connection.execute(tables.INSERT_LOG, (identity.name, identity.id, identity.partitions))
        elif known != identity:
            raise LogRefusedError(
                f"{self.path} was filled from the {identity.name} log {known.id} with {known.partitions} "
                f"partition(s); this is log {identity.id} with {identity.partitions}. It is another log, "
                "or the topic was made anew. Use the log it belongs to, or another data folder."
            )

    def identities(self) -> dict[LogName, LogIdentity]:
        """The pinned identity of each log that was opened here."""
        rows = self.reading().execute(tables.SELECT_LOGS)
        return {row[0]: LogIdentity(*row) for row in rows}

    def cluster(self) -> str | None:
        """The id of the Kafka cluster that the file was filled from, where there is one."""
        connection = self.reading()
        if connection.execute(tables.HAS_CLUSTER).fetchone() is None:
            return None
        row = connection.execute(tables.SELECT_CLUSTER).fetchone()
        return str(row[0]) if row else None

    def pin_cluster(self, cluster: str) -> None:
        """Note which Kafka cluster the file is filled from, once."""
        with self.writing() as connection:
            connection.execute(tables.MAKE_CLUSTER)
            if self.cluster() is None:
                connection.execute(tables.INSERT_CLUSTER, (cluster,))

    def progress(self, log: LogName, partition: int = 0) -> Progress:
        """How far a partition was read."""
        row = self.reading().execute(tables.SELECT_PROGRESS, (log, partition)).fetchone()
        return Progress(*row) if row else Progress()

    def holds(self, log: LogName, place: int) -> bool:
        """Whether what lies at a place has been read; nothing lies at place 0 but a genesis."""
        return place == 0 or self.progress(log, tables.partition_of(place)).next_offset > tables.offset_of(place)

    def head(self, stream: str) -> Head | None:
        """The last accepted event of a stream, or None for a stream that is not there."""
        row = self.reading().execute(tables.SELECT_HEAD, (stream,)).fetchone()
        return Head(*row) if row else None

    def heads(self) -> dict[str, Head]:
        """The heads of all streams of both logs, by their names."""
        return {name: Head(seq, hash_) for name, seq, hash_ in self.reading().execute(tables.SELECT_ALL_HEADS)}

    def heads_of(self, prefix: str) -> dict[str, Head]:
        """The heads of all streams whose names begin so; the prefix ends in a colon."""
        beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        rows = self.reading().execute(tables.SELECT_HEADS, (prefix, beyond))
        return {name: Head(seq, hash_) for name, seq, hash_ in rows}

    def store(self, connection: sqlite3.Connection, partition: Partition, folded: Folded) -> None:
        """Write what a fold came to, in the caller's transaction."""
        heads = [(name, head.seq, bytearray(head.hash)) for name, head in folded.heads.items()]
        connection.executemany(tables.UPSERT_HEAD, heads)
        standard = [_event_row(partition, event) for event in folded.accepted if event.headers is None]
        connection.executemany(tables.insert_event(partition.log), standard)
        others = [
            (*_event_row(partition, event), pack_headers(event.headers))
            for event in folded.accepted
            if event.headers is not None
        ]
        connection.executemany(tables.insert_event(partition.log, headers=True), others)
        connection.executemany(tables.INSERT_VOID, _void_rows(partition, folded))
        progress = folded.progress
        connection.execute(
            tables.UPSERT_PROGRESS,
            (partition.log, partition.number, progress.next_offset, progress.recorded_at, progress.running),
        )

    def stream_events(
        self,
        stream: str,
        *,
        log: LogName = CONTROL,
        after_seq: int | None = None,
        upto_seq: int | None = None,
        descending: bool = False,
        limit: int | None = None,
        types: Sequence[str] = (),
    ) -> list[Recorded]:
        """Events of one stream by number; of some types if any are named."""
        where = f"s.name = ? AND e.seq > ? AND e.seq <= ?{_of_types(types)}"
        order = "e.seq DESC" if descending else "e.seq"
        lower = -1 if after_seq is None else after_seq
        upper = _LAST if upto_seq is None else upto_seq
        return self._select(log, where, order, (stream, lower, upper, *types, _LAST if limit is None else limit))

    def events_of(self, streams: Sequence[str], *, upto: int, log: LogName = CONTROL) -> list[Recorded]:
        """Events of several streams up to a place, in order."""
        rows = self.reading().execute(tables.select_events_of(log), (json.dumps(streams), upto)).fetchall()
        return [_recorded(row) for row in sorted(rows, key=itemgetter(0))]

    def events_after(
        self,
        place: int,
        *,
        log: LogName = CONTROL,
        limit: int,
        upto: int | None = None,
        types: Sequence[str] = (),
        size: int | None = None,
    ) -> list[Recorded]:
        """Events of one partition behind `place`, in order, without the genesis, up to about so many bytes."""
        upper = upto if upto is not None else _end_of_partition(place)
        where = f"e.place > ? AND e.place <= ?{_of_types(types)}"
        values = (max(place, 0), upper, *types, limit)
        if size is None:
            return self._select(log, where, "e.place", values)
        with closing(self.reading().execute(tables.select_events(log, where, "e.place"), values)) as rows:
            return list(_up_to(size, map(_recorded, rows)))

    def plain_events(
        self, log: LogName, first: int, last: int, *, limit: int, types: Sequence[str] = ()
    ) -> list[tuple[Any, ...]]:
        """The fields of `PlainEvent`, as plain tuples, of events from one place to another, both included.

        What proves them is left out, so their personal text is in the clear, or erased.
        """
        statement = tables.select_plain_events(log, len(types))
        rows = self.reading().execute(statement, (first, last, *types, limit)).fetchall()
        return [self._in_the_clear(row) if MARK in row[8] else row for row in rows]

    def plain(self, recorded: Recorded) -> tuple[Any, ...]:
        """An event as `plain_events` has it."""
        place, at, it, *_ = recorded
        return self._in_the_clear(
            (place, it.stream, it.seq, it.id, it.source, it.type, it.time, it.actor, it.value, at)
        )

    def _in_the_clear(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*row[:8], self.cipher.readable(row[1], row[2], row[8]), row[9])

    def plain_events_of(
        self, streams: Sequence[str], log: LogName, first: int, last: int, *, limit: int
    ) -> list[tuple[Any, ...]]:
        """As `plain_events`, of some streams alone."""
        statement = tables.select_plain_events_of(log)
        rows = self.reading().execute(statement, (json.dumps(streams), first, last, limit)).fetchall()
        return [self.plain(row) if MARK in row[8] else row for row in rows]

    def place_since(self, log: LogName, moment: int, partition: int = 0) -> int:
        """Where in a partition begins what was recorded at a moment, in epoch milliseconds, or later.

        Times never fall along a partition. Without such an event it is the place behind all that was read.
        """
        low = tables.place_of(partition, 0)
        high = beyond = tables.place_of(partition, self.progress(log, partition).next_offset)
        while low < high:
            middle = (low + high) // 2
            found = self.reading().execute(tables.select_next_moment(log), (middle, beyond)).fetchone()
            if found is None or found[1] >= moment:
                high = middle
            else:
                low = found[0] + 1
        return low

    def streams_from(self, place: int, *, log: LogName) -> list[tuple[str, int]]:
        """The streams that have events of one partition at `place` or behind it, each with the last of them."""
        return self.reading().execute(tables.select_streams_from(log), (place, _end_of_partition(place))).fetchall()

    def events_before(
        self,
        place: int,
        *,
        limit: int,
        floor: int = 0,
        stream: str | None = None,
        type_name: str | None = None,
        actor: str | None = None,
    ) -> list[Recorded]:
        """Events of the control log before `place` and behind `floor`, backwards, those that are asked for."""
        wanted = {"s.name": stream, "e.type": type_name, "e.actor": actor}
        asked = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(["e.place < ? AND e.place > ?", *(f"{column} = ?" for column in asked)])
        return self._select(CONTROL, where, "e.place DESC", (place, max(floor, 0), *asked.values(), limit))

    def latest_events(self, count: int, *, log: LogName = CONTROL) -> list[Recorded]:
        """The last events of a log with one partition, oldest first, without the genesis."""
        return self._select(log, "e.place > ?", "e.place DESC", (0, count))[::-1]

    def last_place(self, log: LogName = CONTROL) -> int | None:
        """The place of the last accepted event, the genesis not counted."""
        found = self._select(log, "e.place > ?", "e.place DESC", (0, 1))
        return found[0].place if found else None

    def places_from(self, place: int, limit: int, *, backwards: bool) -> list[int]:
        """Places of events of the control log from one on, itself included, without the genesis."""
        select = tables.SELECT_PLACES_BACKWARDS if backwards else tables.SELECT_PLACES
        return [found for (found,) in self.reading().execute(select, (place, limit))]

    def place_at(self, milliseconds: int) -> int:
        """The last place of the control log that was recorded at a time or before; 0 for none."""
        return max(self.place_since(CONTROL, milliseconds + 1) - 1, 0)

    def recorded(self, log: LogName, place: int) -> Recorded | None:
        """The accepted event at a place, the genesis included."""
        found = self._select(log, "e.place = ?", "e.place", (place, 1))
        return found[0] if found else None

    def voids(self, log: LogName = CONTROL, *, limit: int = _LAST, newest: bool = False) -> list[Void]:
        """Records that no reader accepts, in order; the last of them backwards."""
        rows = self.reading().execute(tables.SELECT_LAST_VOIDS if newest else tables.SELECT_VOIDS, (log, limit))
        return [_void(row) for row in rows]

    def voids_at(self, log: LogName, place: int) -> list[Void]:
        """The record at a place, if no reader accepts it."""
        return [_void(row) for row in self.reading().execute(tables.SELECT_VOID, (log, place))]

    def voids_between(self, log: LogName, place: int, behind: int) -> Iterator[Void]:
        """Records that no reader accepts, from a place up to another, in order, one by one."""
        return (_void(row) for row in self.reading().execute(tables.SELECT_VOIDS_BETWEEN, (log, place, behind)))

    def count_voids(self, log: LogName = CONTROL) -> int:
        """How many records of a log are void."""
        return int(self.reading().execute(tables.COUNT_VOIDS, (log,)).fetchone()[0])

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, as far as readers allow."""
        with self.clear_errors():
            self.reading().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def leave_checkpoints(self) -> None:
        """Let this thread's commits leave that to whoever calls `checkpoint`, unless very much has gathered."""
        self.reading().execute(f"PRAGMA wal_autocheckpoint={_MUCH_PAGES}")

    def _select(self, log: LogName, where: str, order: str, values: Sequence[object]) -> list[Recorded]:
        rows = self.reading().execute(tables.select_events(log, where, order), values)
        return [_recorded(row) for row in rows]


def _up_to(size: int, events: Iterable[Recorded]) -> Iterator[Recorded]:
    """The first events, until they have so many bytes."""
    left = size
    for event in events:
        yield event
        left -= len(event.envelope.value)
        if left <= 0:
            return


def _of_types(types: Sequence[str]) -> str:
    return f" AND e.type IN ({', '.join('?' * len(types))})" if types else ""


def _end_of_partition(place: int) -> int:
    return tables.place_of(tables.partition_of(max(place, 0)) + 1, 0) - 1


def _event_row(partition: Partition, event: Accepted) -> tuple[object, ...]:
    """The columns up to `running`.

    Bytes go as bytearrays: sqlite3 looks for an adapter of every other kind of value but numbers and text, NULL
    included, which is a third of the time of an insert.
    """
    offset, recorded_at, envelope, record_hash, running, _ = event
    stream, seq, prev, id_, source, type_, time, actor, value = envelope
    return (
        tables.place_of(partition.number, offset),
        stream,
        seq,
        bytearray.fromhex(prev),
        id_,
        source,
        type_,
        time,
        actor,
        bytearray(value),
        recorded_at,
        bytearray(record_hash),
        bytearray(running),
    )


def _void_rows(partition: Partition, folded: Folded) -> Iterable[tuple[object, ...]]:
    for void in folded.voids:
        record = void.record
        place = tables.place_of(partition.number, void.offset)
        headers = pack_headers(record.headers)
        yield (partition.log, place, void.recorded_at, void.rule, record.key, headers, record.value)


def _void(row: tuple[Any, ...]) -> Void:
    place, at, rule, key, headers, value = row
    record = Record(key, unpack_headers(headers), value)
    return Void(tables.offset_of(place), at, record, rule, tables.partition_of(place))


def _recorded(row: tuple[Any, ...]) -> Recorded:
    place, stream, seq, prev, id_, source, type_, time, actor, value, recorded_at, hash_, running, headers = row
    envelope = Envelope(stream, seq, prev.hex(), id_, source, type_, time, actor, value)
    raw_headers = None if headers is None else unpack_headers(headers)
    return Recorded(place, recorded_at, envelope, hash_, running, raw_headers)
