"""Recompute every hash of ledger.db and name the first link that does not hold."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from sqlite3 import Connection, DatabaseError
from typing import Any

from ledger.store.database import Database, LogIdentity
from ledger.store.fold import NO_RUNNING, next_running
from ledger.store.packing import unpack_headers
from ledger.store.tables import EVENT_TABLES, offset_of, place_of
from schemas.errors import BadRecordError
from schemas.records import Record, canonical_bytes, parse_record
from schemas.streams import CONTROL, GENESIS_KIND, LogName, key_of, kind_of, log_of

Row = tuple[Any, ...]

_PROGRESS_EVERY = 10_000
FIELDS = slice(0, 8)
VALUE, PLACE, STREAM, SEQ, PREV, RECORDED_AT, HASH, RUNNING, HEADERS, STREAM_KEY, EVENT_ID = range(8, 19)

# The first nine columns are the bytes that were hashed, as they were in the record.
_SELECT = """
SELECT CAST(s.name AS BLOB), CAST(e.seq AS BLOB), CAST(lower(hex(e.prev)) AS BLOB), CAST(e.id AS BLOB),
       CAST(e.source AS BLOB), CAST(e.type AS BLOB), CAST(e.time AS BLOB), CAST(e.actor AS BLOB), e.value,
       e.place, s.name, e.seq, e.prev, e.recorded_at, e.hash, e.running, e.headers, e.stream, e.id
FROM {table} e LEFT JOIN streams s ON s.id = e.stream
WHERE e.place >= ? AND e.place < ? ORDER BY e.place"""

# The first stream whose events do not run on from number to number around a missing place.
_FIND_GAP = """
SELECT s.name, coalesce(last.seq, 0) + 1 FROM streams s
LEFT JOIN {table} last ON last.stream = s.id
     AND last.seq = (SELECT max(seq) FROM {table} WHERE stream = s.id AND place < ?1)
WHERE s.seq > coalesce(last.seq, 0)
  AND NOT EXISTS (SELECT 1 FROM {table} n WHERE n.stream = s.id AND n.seq = coalesce(last.seq, 0) + 1)
  AND (last.seq IS NOT NULL OR EXISTS (SELECT 1 FROM {table} n WHERE n.stream = s.id))
LIMIT 1"""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first place where the stored history contradicts itself."""

    log: LogName
    partition: int
    position: int
    stream: str | None
    seq: int | None
    event_id: str | None
    what: str

    def __str__(self) -> str:
        """One line for a person."""
        where = f"{self.log} log, position {self.position}"
        if self.log != CONTROL:
            where = f"{self.log} log, partition {self.partition}, offset {self.position}"
        event = f", {self.stream} event {self.seq} (id {self.event_id})" if self.stream else ""
        return f"{where}{event}: {self.what}"


@dataclass(frozen=True, slots=True)
class LogReport:
    """What verifying one log came to; `running` is the hash over all of its partitions' events."""

    log: LogName
    log_id: str
    events: int
    voids: int
    streams: int
    running: str
    broken: BrokenLink | None


class _BrokenError(Exception):
    def __init__(self, link: BrokenLink) -> None:
        super().__init__(str(link))
        self.link = link


def verify(database: Database, progress: Callable[[int], None] = lambda _: None) -> list[LogReport]:
    """Check both logs of a ledger.db, each up to its first broken link.

    `progress` is told the number of events that were checked, now and then.
    """
    with one_moment(database.reading()):
        return _verify(database, progress)


@contextmanager
def one_moment(connection: Connection) -> Iterator[None]:
    """Read the file as it is now, while others append; a transaction that is open already serves."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _verify(database: Database, progress: Callable[[int], None]) -> list[LogReport]:
    known = database.identities()
    return [_LogCheck(database, known[name], progress).report() for name in EVENT_TABLES if name in known]


def select_rows(log: LogName) -> str:
    """The SELECT of everything that is checked, between two places."""
    return _SELECT.format(table=EVENT_TABLES[log])


def difference(log_id: str, row: Row, head: tuple[int, bytes] | None) -> str | None:
    """What is wrong with one stored event by itself and behind its predecessor; None if nothing is."""
    if row[STREAM] is None:
        return "its stream is missing"
    try:
        if sha256(canonical_bytes(log_id, row[FIELDS], row[VALUE])).digest() != row[HASH]:
            return "its content does not match its hash"
        return _unlinked(row, head) or _headers_difference(row)
    except (TypeError, ValueError) as error:
        return f"its content does not match its hash: it is damaged ({error})"


def _unlinked(row: Row, head: tuple[int, bytes] | None) -> str | None:
    if head is None:
        missing = row[PREV] or row[SEQ] > 1
        return f"the events of its stream before number {row[SEQ]} are missing" if missing else None
    if row[SEQ] != head[0] + 1:
        return f"it follows event {head[0]} of its stream"
    if row[PREV] != head[1]:
        return "it names another predecessor than the event before it"
    return None


def _out_of_line(row: Row, running: bytes, recorded_at: int) -> str | None:
    if running != row[RUNNING]:
        return "the running hash differs: another event stood here, or something before it was removed"
    if row[RECORDED_AT] < recorded_at:
        return "it was recorded earlier than the event before it"
    return None


def _headers_difference(row: Row) -> str | None:
    if row[HEADERS] is None:
        return None
    record = Record(key_of(row[STREAM]).encode(), unpack_headers(row[HEADERS]), row[VALUE])
    try:
        envelope = parse_record(record)
    except BadRecordError as error:
        return f"its raw headers are damaged: {error}"
    if envelope.fields() != row[FIELDS]:
        return "its raw headers say something else than its columns"
    return None


def _first_missing(expected: int, offset: int, voids: set[int]) -> int | None:
    """The first offset before one at which nothing is stored."""
    return next((place for place in range(expected, offset) if place not in voids), None)


class _LogCheck:
    """One pass over one log."""

    def __init__(self, database: Database, identity: LogIdentity, progress: Callable[[int], None]) -> None:
        self._database = database
        self._connection = database.reading()
        self._identity = identity
        self._progress = progress
        self._heads: dict[int, tuple[int, bytes]] = {}
        self._events = 0
        self._running = b""

    def report(self) -> LogReport:
        broken = None
        try:
            for partition in range(self._identity.partitions):
                self._check_partition(partition)
            self._check_heads()
        except _BrokenError as error:
            broken = error.link
        except DatabaseError as error:
            broken = self._link(0, self._events, None, f"the file is damaged: {error}")
        return LogReport(
            log=self._identity.name,
            log_id=self._identity.id,
            events=self._events,
            voids=0 if broken else self._database.count_voids(self._identity.name),
            streams=len(self._heads),
            running=self._running.hex() if self._identity.partitions == 1 else sha256(self._running).hexdigest(),
            broken=broken,
        )

    def _check_partition(self, partition: int) -> None:
        log_id, heads = self._identity.id, self._heads
        running, recorded_at, expected = NO_RUNNING, 0, 0
        voids = self._void_offsets(partition)
        for row in self._rows(partition):
            offset = offset_of(row[PLACE])
            missing = None if offset == expected else _first_missing(expected, offset, voids)
            stream = row[STREAM_KEY]
            wrong = difference(log_id, row, heads.get(stream))
            if wrong is None:
                running = next_running(running, offset, row[RECORDED_AT], row[HASH])
                wrong = _out_of_line(row, running, recorded_at)
            if wrong is not None:
                # The end of a stranger's transaction takes an offset too: what no hash misses was no event.
                raise _BrokenError(
                    self._link(partition, offset, row, wrong) if missing is None else self._missing(partition, missing)
                )
            heads[stream] = (row[SEQ], row[HASH])
            recorded_at, expected = row[RECORDED_AT], offset + 1
            self._events += 1
            if self._events % _PROGRESS_EVERY == 0:
                self._progress(self._events)
        self._check_end(partition, expected, running, voids)
        self._running += running
        self._progress(self._events)

    def _check_end(self, partition: int, expected: int, running: bytes, voids: set[int]) -> None:
        progress = self._database.progress(self._identity.name, partition)
        if progress.running == running and progress.next_offset >= expected:
            return
        missing = _first_missing(expected, progress.next_offset, voids)
        if missing is not None:
            raise _BrokenError(self._missing(partition, missing))
        what = "the end of the log is not the one that was recorded: events were added or removed"
        raise _BrokenError(self._link(partition, max(expected - 1, 0), None, what))

    def _check_heads(self) -> None:
        for stream, name, seq, head in self._connection.execute("SELECT id, name, seq, hash FROM streams"):
            if log_of(name) != self._identity.name and kind_of(name) != GENESIS_KIND:
                continue
            found = self._heads.get(stream)
            if kind_of(name) == GENESIS_KIND and found is None:
                continue
            if found != (seq, head):
                what = f"its head is recorded as event {seq}, the last stored event is {found[0] if found else 'none'}"
                raise _BrokenError(BrokenLink(self._identity.name, 0, self._events, name, seq, None, what))

    def _missing(self, partition: int, offset: int) -> BrokenLink:
        """Whose event is missing is told by the first stream that has a gap."""
        table = EVENT_TABLES[self._identity.name]
        row = self._connection.execute(_FIND_GAP.format(table=table), (place_of(partition, offset),)).fetchone()
        what = "the event that stood here is missing"
        if row is None:
            return self._link(partition, offset, None, f"{what}, with every trace of its stream")
        return BrokenLink(self._identity.name, partition, offset, row[0], row[1], None, what)

    def _link(self, partition: int, offset: int, row: Row | None, what: str) -> BrokenLink:
        if row is None:
            return BrokenLink(self._identity.name, partition, offset, None, None, None, what)
        return BrokenLink(self._identity.name, partition, offset, row[STREAM], row[SEQ], row[EVENT_ID], what)

    def _rows(self, partition: int) -> Iterator[Row]:
        bounds = (place_of(partition, 0), place_of(partition + 1, 0))
        return self._connection.execute(select_rows(self._identity.name), bounds)

    def _void_offsets(self, partition: int) -> set[int]:
        bounds = (self._identity.name, place_of(partition, 0), place_of(partition + 1, 0))
        rows = self._connection.execute("SELECT place FROM voids WHERE log = ? AND place >= ? AND place < ?", bounds)
        return {offset_of(place) for (place,) in rows}
