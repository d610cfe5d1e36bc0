"""Recompute every hash of ledger.db and name the first link that does not hold."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from sqlite3 import Connection, DatabaseError
from typing import NamedTuple

from ledger.links import (
    EVENT_ID,
    HASH,
    PLACE,
    RECORDED_AT,
    SEQ,
    STREAM,
    STREAM_KEY,
    Row,
    difference,
    out_of_line,
    select_links,
    select_rows,
    unlinked,
)
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import NO_RUNNING, Progress, next_running
from ledger.store.tables import EVENT_TABLES, offset_of, place_of
from schemas.streams import CONTROL, GENESIS_KIND, LogName, kind_of, log_of

_SLICE = 1_000
"""How many events are read at once: between slices nothing is held open, and whoever writes goes on."""

_NAMES = "SELECT s.name, e.id FROM {table} e LEFT JOIN streams s ON s.id = e.stream WHERE e.place = ?"
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
    """What verifying one log came to; `running` is the hash over all of its partitions' events.

    The content of `known` of the events was checked before, and their links alone again.
    """

    log: LogName
    log_id: str
    events: int
    voids: int
    streams: int
    running: str
    broken: BrokenLink | None
    known: int = 0


class Mark(NamedTuple):
    """How far a partition was checked: the next offset, and the running hash before it (32 bytes)."""

    next_offset: int = 0
    running: bytes = NO_RUNNING


Marks = Mapping[int, Mark]
"""By partition."""

Told = Callable[[int], None]
Kept = Callable[[LogName, int, Mark], None]


class _BrokenError(Exception):
    def __init__(self, link: BrokenLink) -> None:
        super().__init__(str(link))
        self.link = link


def verify(
    database: Database,
    progress: Told = lambda _: None,
    *,
    known: Mapping[LogName, Marks] | None = None,
    keep: Kept = lambda *_: None,
) -> list[LogReport]:
    """Check both logs of a ledger.db, each up to its first broken link.

    `progress` is told the number of events that were checked, between slices of them, and `keep` how far each
    partition is. With that as `known`, another check goes on from there: of the events before only the links are
    followed again, and the running hash must come out as it did.
    """
    identities = database.identities()
    reports: list[LogReport] = []
    for name in EVENT_TABLES:
        if name in identities:
            before = sum(report.events for report in reports)
            check = _LogCheck(database, identities[name], (known or {}).get(name, {}), keep)
            reports.append(check.report(lambda done, before=before: progress(before + done)))  # type: ignore[misc]
    return reports


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


@dataclass(slots=True)
class _Partition:
    """How far a partition is: `mark` is how far it was in an earlier check."""

    number: int
    mark: Mark
    expected: int = 0
    running: bytes = NO_RUNNING
    recorded_at: int = 0

    @property
    def is_known(self) -> bool:
        """Whether what comes next was checked before."""
        return self.expected < self.mark.next_offset


class _LogCheck:
    """One pass over one log."""

    def __init__(self, database: Database, identity: LogIdentity, marks: Marks, keep: Kept) -> None:
        self._database = database
        self._connection = database.reading()
        self._identity = identity
        self._keep = keep
        self._partitions = [_Partition(number, marks.get(number, Mark())) for number in range(identity.partitions)]
        self._heads: dict[int, tuple[int, bytes]] = {}
        self._events = self._known = 0

    def report(self, progress: Told) -> LogReport:
        broken, voids = None, 0
        try:
            for part in self._partitions:
                self._advance(part, self._progress_of(part).next_offset, progress)
            # What came meanwhile, and whether the ends fit, is seen at one moment.
            with one_moment(self._connection):
                for part in self._partitions:
                    self._advance(part, self._progress_of(part).next_offset, progress)
                    self._check_end(part)
                self._check_heads()
                voids = self._database.count_voids(self._identity.name)
        except _BrokenError as error:
            broken = error.link
        except DatabaseError as error:
            broken = self._link(0, self._events, None, f"the file is damaged: {error}")
        return LogReport(
            log=self._identity.name,
            log_id=self._identity.id,
            events=self._events,
            voids=voids,
            streams=len(self._heads),
            running=self._running(),
            broken=broken,
            known=self._known,
        )

    def _running(self) -> str:
        if len(self._partitions) == 1:
            return self._partitions[0].running.hex()
        return sha256(b"".join(part.running for part in self._partitions)).hexdigest()

    def _progress_of(self, part: _Partition) -> Progress:
        return self._database.progress(self._identity.name, part.number)

    def _advance(self, part: _Partition, end: int, progress: Told) -> None:
        """Check a partition on, slice by slice, up to `end` or what lies behind it."""
        while part.is_known:
            found = self._take(part, select_links(self._identity.name), part.mark.next_offset)
            progress(self._events)
            if not found or not part.is_known:
                self._raise_missing(part, part.mark.next_offset)
                self._check_mark(part)
        while self._take(part, select_rows(self._identity.name), None):
            self._keep(self._identity.name, part.number, Mark(part.expected, part.running))
            progress(self._events)
            if part.expected >= end:
                break

    def _take(self, part: _Partition, select: str, upto: int | None) -> int:
        """Check a slice, and answer with how many events are in it."""
        last = place_of(part.number + 1, 0) if upto is None else place_of(part.number, upto)
        rows = self._connection.execute(f"{select} LIMIT ?", (place_of(part.number, part.expected), last, _SLICE))
        found = rows.fetchall()
        log_id, heads, running, known = self._identity.id, self._heads, part.running, upto is not None
        for row in found:
            offset, stream = offset_of(row[PLACE]), row[STREAM_KEY]
            head = heads.get(stream)
            wrong = unlinked(row, head) if known else difference(log_id, row, head)
            if wrong is None:
                running = next_running(running, offset, row[RECORDED_AT], row[HASH])
                wrong = out_of_line(row, running, part.recorded_at)
            if wrong is not None:
                # The end of a stranger's transaction takes an offset too: what no hash misses was no event.
                self._raise_missing(part, offset)
                raise _BrokenError(self._link(part.number, offset, row, wrong))
            heads[stream] = (row[SEQ], row[HASH])
            part.recorded_at, part.expected = row[RECORDED_AT], offset + 1
            self._events += 1
        part.running = running
        self._known += len(found) if known else 0
        return len(found)

    def _check_mark(self, part: _Partition) -> None:
        if part.is_known or part.running != part.mark.running:
            what = "what lies up to here is not what was checked before: it was changed, and every hash computed anew"
            raise _BrokenError(self._link(part.number, max(part.expected - 1, 0), None, what))

    def _check_end(self, part: _Partition) -> None:
        progress = self._progress_of(part)
        if progress.running == part.running and progress.next_offset >= part.expected:
            return
        self._raise_missing(part, progress.next_offset)
        what = "the end of the log is not the one that was recorded: events were added or removed"
        raise _BrokenError(self._link(part.number, max(part.expected - 1, 0), None, what))

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

    def _raise_missing(self, part: _Partition, offset: int) -> None:
        """Raise if an event is missing before an offset: told by the first stream that has a gap."""
        missing = self._first_missing(part, offset)
        if missing is None:
            return
        table = EVENT_TABLES[self._identity.name]
        row = self._connection.execute(_FIND_GAP.format(table=table), (place_of(part.number, missing),)).fetchone()
        what = "the event that stood here is missing"
        if row is None:
            raise _BrokenError(self._link(part.number, missing, None, f"{what}, with every trace of its stream"))
        raise _BrokenError(BrokenLink(self._identity.name, part.number, missing, row[0], row[1], None, what))

    def _first_missing(self, part: _Partition, offset: int) -> int | None:
        """The first offset before one at which nothing is stored."""
        bounds = (self._identity.name, place_of(part.number, part.expected), place_of(part.number, offset))
        rows = self._connection.execute("SELECT place FROM voids WHERE log = ? AND place >= ? AND place < ?", bounds)
        voids = {offset_of(place) for (place,) in rows}
        return next((each for each in range(part.expected, offset) if each not in voids), None)

    def _link(self, partition: int, offset: int, row: Row | None, what: str) -> BrokenLink:
        if row is None:
            return BrokenLink(self._identity.name, partition, offset, None, None, None, what)
        stream, event_id = row[STREAM], row[EVENT_ID]
        if event_id is None:
            names = _NAMES.format(table=EVENT_TABLES[self._identity.name])
            stream, event_id = self._connection.execute(names, (row[PLACE],)).fetchone()
        return BrokenLink(self._identity.name, partition, offset, stream, row[SEQ], event_id, what)
