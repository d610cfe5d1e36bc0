"""The SQLite file ledger.db: one writer at a time, any number of readers, in any process."""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import LogRefusedError, UnavailableError, WorkspaceError
from ledger.store import tables
from ledger.store.fold import Folded, Head, Partition, Progress, Void
from ledger.store.packing import pack_headers, unpack_headers
from schemas.records import Envelope, Headers, Record
from schemas.streams import CONTROL, LogName

BUSY_SECONDS = 60.0
_LAST = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class Recorded:
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


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """What the genesis of a log pinned."""

    name: LogName
    id: str
    partitions: int


class Database:
    """Reads from, and folds into, one ledger.db.

    Safe to share between threads, and usable in a forked child, which opens its own connections.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        """Open or make the file; `durable` syncs each commit to the disk (the embedded logs)."""
        self.path = path
        self._durable = durable
        self._process = os.getpid()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        with _clear_errors(self.path):
            self._prepare()

    def close(self) -> None:
        """Close the connections of this process."""
        if os.getpid() == self._process:
            for connection in self._connections:
                connection.close()
        self._connections = []
        self._local = threading.local()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed at the end, rolled back on any error.

        Raises:
            UnavailableError: the disk is full or read-only, or the file is locked for too long.
        """
        connection = self._connection()
        with _clear_errors(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

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
        rows = self._connection().execute(tables.SELECT_LOGS)
        return {row[0]: LogIdentity(*row) for row in rows}

    def progress(self, log: LogName, partition: int = 0) -> Progress:
        """How far a partition was read."""
        row = self._connection().execute(tables.SELECT_PROGRESS, (log, partition)).fetchone()
        return Progress(*row) if row else Progress()

    def head(self, stream: str) -> Head | None:
        """The last accepted event of a stream, or None for a stream that is not there."""
        row = self._connection().execute(tables.SELECT_HEAD, (stream,)).fetchone()
        return Head(*row) if row else None

    def store(self, connection: sqlite3.Connection, partition: Partition, folded: Folded) -> None:
        """Write what a fold came to, in the caller's transaction."""
        connection.executemany(tables.UPSERT_HEAD, [(name, head.seq, head.hash) for name, head in folded.heads.items()])
        connection.executemany(tables.insert_event(partition.log), _event_rows(partition, folded))
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
    ) -> list[Recorded]:
        """Events of one stream by number."""
        where = "s.name = ? AND e.seq > ? AND e.seq <= ?"
        order = "e.seq DESC" if descending else "e.seq"
        lower = -1 if after_seq is None else after_seq
        upper = _LAST if upto_seq is None else upto_seq
        return self._select(log, where, order, (stream, lower, upper, _LAST if limit is None else limit))

    def events_after(
        self,
        place: int,
        *,
        log: LogName = CONTROL,
        limit: int,
        upto: int | None = None,
        types: Sequence[str] = (),
    ) -> list[Recorded]:
        """Events of one partition behind `place`, in order, without the genesis."""
        upper = upto if upto is not None else tables.place_of(tables.partition_of(max(place, 0)) + 1, 0) - 1
        where = "e.place > ? AND e.place <= ?"
        if types:
            where += f" AND e.type IN ({', '.join('?' * len(types))})"
        return self._select(log, where, "e.place", (max(place, 0), upper, *types, limit))

    def last_place(self, log: LogName = CONTROL) -> int | None:
        """The place of the last accepted event, the genesis not counted."""
        found = self._select(log, "e.place > ?", "e.place DESC", (0, 1))
        return found[0].place if found else None

    def recorded(self, log: LogName, place: int) -> Recorded | None:
        """The accepted event at a place, the genesis included."""
        found = self._select(log, "e.place = ?", "e.place", (place, 1))
        return found[0] if found else None

    def voids(self, log: LogName = CONTROL, *, limit: int = _LAST) -> list[Void]:
        """Records that no reader accepts, in order."""
        rows = self._connection().execute(tables.SELECT_VOIDS, (log, limit))
        return [
            Void(tables.offset_of(place), at, Record(key, unpack_headers(headers), value), rule)
            for place, at, rule, key, headers, value in rows
        ]

    def count_voids(self, log: LogName = CONTROL) -> int:
        """How many records of a log are void."""
        return int(self._connection().execute(tables.COUNT_VOIDS, (log,)).fetchone()[0])

    def reading(self) -> sqlite3.Connection:
        """This thread's connection, for questions that have their own SQL (verify)."""
        return self._connection()

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, as far as readers allow."""
        self._connection().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _select(self, log: LogName, where: str, order: str, values: Sequence[object]) -> list[Recorded]:
        rows = self._connection().execute(tables.select_events(log, where, order), values)
        return [_recorded(row) for row in rows]

    def _connection(self) -> sqlite3.Connection:
        if os.getpid() != self._process:
            # A connection must not cross a fork: the child forgets the parent's without closing them.
            self._process, self._local, self._connections = os.getpid(), threading.local(), []
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        connection.execute("PRAGMA cache_size=-16000")
        self._connections.append(connection)
        return connection

    def _prepare(self) -> None:
        connection = self._connection()
        connection.execute("PRAGMA journal_mode=WAL")
        if _schema_version(connection) == 0:
            with self.writing():
                if _schema_version(connection) == 0:
                    _run_script(connection, tables.SCHEMA)
                    connection.execute(f"PRAGMA user_version={tables.SCHEMA_VERSION}")
        found = _schema_version(connection)
        if found != tables.SCHEMA_VERSION:
            raise WorkspaceError(
                f"{self.path} has schema version {found}, this program reads {tables.SCHEMA_VERSION}; "
                "use the version of runledger that wrote it, or a newer one"
            )


def _event_rows(partition: Partition, folded: Folded) -> Iterable[tuple[object, ...]]:
    for event in folded.accepted:
        envelope = event.envelope
        yield (
            tables.place_of(partition.number, event.offset),
            envelope.stream,
            envelope.seq,
            bytes.fromhex(envelope.prev),
            envelope.id,
            envelope.source,
            envelope.type,
            envelope.time,
            envelope.actor,
            envelope.value,
            event.recorded_at,
            event.hash,
            event.running,
            None if event.headers is None else pack_headers(event.headers),
        )


def _void_rows(partition: Partition, folded: Folded) -> Iterable[tuple[object, ...]]:
    for void in folded.voids:
        record = void.record
        place = tables.place_of(partition.number, void.offset)
        headers = pack_headers(record.headers)
        yield (partition.log, place, void.recorded_at, void.rule, record.key, headers, record.value)


def _recorded(row: tuple[Any, ...]) -> Recorded:
    place, stream, seq, prev, id_, source, type_, time, actor, value, recorded_at, hash_, running, headers = row
    envelope = Envelope(stream, seq, prev.hex(), id_, source, type_, time, actor, value)
    raw_headers = None if headers is None else unpack_headers(headers)
    return Recorded(place, recorded_at, envelope, hash_, running, raw_headers)


def _schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _run_script(connection: sqlite3.Connection, script: str) -> None:
    # executescript would commit the transaction that makes all tables or none.
    for statement in script.split(";"):
        connection.execute(statement)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise UnavailableError(_cause(path, error)) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        raise WorkspaceError(f"{path} is damaged or not a ledger: {error}; restore it from a backup") from error


def _cause(path: Path, error: sqlite3.OperationalError) -> str:
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_FULL":
            return f"the disk of {path} is full; nothing was stored. Make room and try again"
        case name if name.startswith("SQLITE_READONLY") or name == "SQLITE_CANTOPEN":
            return f"{path} cannot be written ({error}); check the folder and its rights"
        case "SQLITE_BUSY":
            return f"{path} was locked by another process for {BUSY_SECONDS:.0f} s; nothing was stored"
        case name:
            return f"{path} cannot be used now: {error} ({name}); nothing was stored"
