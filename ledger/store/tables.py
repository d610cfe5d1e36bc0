"""The SQL of ledger.db, all of it.

A place is `partition << 40 | offset`, so that one integer key holds both and each partition
stays in order. The control log has one partition: there a place is the position itself.
"""

from schemas.streams import CONTROL, VALUES, LogName

SCHEMA_VERSION = 1
_OFFSET_BITS = 40
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1

EVENT_TABLES: dict[LogName, str] = {CONTROL: "control_events", VALUES: "values_events"}

_COMMON = """
CREATE TABLE logs (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, partitions INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE progress (
    log TEXT, partition INTEGER, next_offset INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
    running BLOB NOT NULL, PRIMARY KEY (log, partition)
) WITHOUT ROWID;
CREATE TABLE streams (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE voids (
    log TEXT, place INTEGER, recorded_at INTEGER NOT NULL, rule TEXT NOT NULL,
    key BLOB, headers BLOB NOT NULL, value BLOB, PRIMARY KEY (log, place)
) WITHOUT ROWID;
"""

_EVENTS = """
CREATE TABLE {table} (
    place INTEGER PRIMARY KEY, stream INTEGER NOT NULL, seq INTEGER NOT NULL, prev BLOB NOT NULL,
    id TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL, time TEXT NOT NULL,
    actor TEXT NOT NULL, value BLOB NOT NULL, recorded_at INTEGER NOT NULL,
    hash BLOB NOT NULL, running BLOB NOT NULL, headers BLOB
);
CREATE UNIQUE INDEX {table}_stream ON {table} (stream, seq);
"""

SCHEMA = _COMMON + "".join(_EVENTS.format(table=table) for table in EVENT_TABLES.values())

# Beside the schema of version 1: files that are there get it when a Kafka log is opened.
MAKE_CLUSTER = "CREATE TABLE IF NOT EXISTS cluster (id TEXT NOT NULL)"
HAS_CLUSTER = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'cluster'"
SELECT_CLUSTER = "SELECT id FROM cluster"
INSERT_CLUSTER = "INSERT INTO cluster (id) VALUES (?)"

INSERT_LOG = "INSERT INTO logs (name, id, partitions) VALUES (?, ?, ?)"
SELECT_LOGS = "SELECT name, id, partitions FROM logs"

SELECT_PROGRESS = "SELECT next_offset, recorded_at, running FROM progress WHERE log = ? AND partition = ?"
UPSERT_PROGRESS = """
INSERT INTO progress (log, partition, next_offset, recorded_at, running) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset, recorded_at = excluded.recorded_at,
running = excluded.running"""

SELECT_HEAD = "SELECT seq, hash FROM streams WHERE name = ?"
SELECT_HEADS = "SELECT name, seq, hash FROM streams WHERE name >= ? AND name < ? ORDER BY name"
SELECT_ALL_HEADS = "SELECT name, seq, hash FROM streams ORDER BY name"
UPSERT_HEAD = """
INSERT INTO streams (name, seq, hash) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash"""

INSERT_VOID = """
INSERT INTO voids (log, place, recorded_at, rule, key, headers, value) VALUES (?, ?, ?, ?, ?, ?, ?)"""
SELECT_VOIDS = """
SELECT place, recorded_at, rule, key, headers, value FROM voids WHERE log = ? ORDER BY place LIMIT ?"""
SELECT_LAST_VOIDS = """
SELECT place, recorded_at, rule, key, headers, value FROM voids WHERE log = ? ORDER BY place DESC LIMIT ?"""
SELECT_VOID = """
SELECT place, recorded_at, rule, key, headers, value FROM voids WHERE log = ? AND place = ?"""
SELECT_VOIDS_BETWEEN = """
SELECT place, recorded_at, rule, key, headers, value FROM voids
WHERE log = ? AND place >= ? AND place < ? ORDER BY place"""
SELECT_PLACES = "SELECT place FROM control_events WHERE place >= max(?, 1) ORDER BY place LIMIT ?"
SELECT_PLACES_BACKWARDS = """
SELECT place FROM control_events WHERE place <= ? AND place > 0 ORDER BY place DESC LIMIT ?"""
COUNT_VOIDS = "SELECT count(*) FROM voids WHERE log = ?"


def insert_event(log: LogName, *, headers: bool = False) -> str:
    """Insert one accepted event, with headers of its own or without; its stream has its row by then."""
    more, value = (", headers", ", ?") if headers else ("", "")
    return f"""
INSERT INTO {EVENT_TABLES[log]}
(place, stream, seq, prev, id, source, type, time, actor, value, recorded_at, hash, running{more})
VALUES (?, (SELECT id FROM streams WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?{value})"""  # noqa: S608


def select_events(log: LogName, where: str, order: str) -> str:
    """Events with their stream's name, in a given order."""
    return f"""
SELECT e.place, s.name, e.seq, e.prev, e.id, e.source, e.type, e.time, e.actor, e.value,
       e.recorded_at, e.hash, e.running, e.headers
FROM {EVENT_TABLES[log]} e JOIN streams s ON s.id = e.stream
WHERE {where} ORDER BY {order} LIMIT ?"""  # noqa: S608 - table names are ours, values are bound


def select_events_of(log: LogName) -> str:
    """Events of the streams that a JSON list names, up to a place: each stream is sought by itself."""
    return f"""
SELECT e.place, s.name, e.seq, e.prev, e.id, e.source, e.type, e.time, e.actor, e.value,
       e.recorded_at, e.hash, e.running, e.headers
FROM json_each(?) j CROSS JOIN streams s ON s.name = j.value CROSS JOIN {EVENT_TABLES[log]} e ON e.stream = s.id
WHERE e.place <= ?"""  # noqa: S608 - as above


def select_plain_events(log: LogName, types: int) -> str:
    """Events of a range of places in order, without what proves them: the fields of `PlainEvent`."""
    of_types = f" AND e.type IN ({', '.join('?' * types)})" if types else ""
    return f"""
SELECT e.place, s.name, e.seq, e.id, e.source, e.type, e.time, e.actor, e.value, e.recorded_at
FROM {EVENT_TABLES[log]} e JOIN streams s ON s.id = e.stream
WHERE e.place >= ? AND e.place <= ?{of_types} ORDER BY e.place LIMIT ?"""  # noqa: S608 - as above


def select_plain_events_of(log: LogName) -> str:
    """As `select_plain_events`, of the streams that a JSON list names."""
    return f"""
SELECT e.place, s.name, e.seq, e.id, e.source, e.type, e.time, e.actor, e.value, e.recorded_at
FROM json_each(?) j CROSS JOIN streams s ON s.name = j.value CROSS JOIN {EVENT_TABLES[log]} e ON e.stream = s.id
WHERE e.place >= ? AND e.place <= ? ORDER BY e.place LIMIT ?"""  # noqa: S608 - as above


def select_next_moment(log: LogName) -> str:
    """The first event at a place or behind it, and when it was recorded."""
    return f"""
SELECT place, recorded_at FROM {EVENT_TABLES[log]} WHERE place >= ? AND place < ?
ORDER BY place LIMIT 1"""  # noqa: S608 - as above


def select_streams_from(log: LogName) -> str:
    """The streams that have events in a range of places, each with the last of them."""
    return f"""
SELECT s.name, max(e.place) FROM {EVENT_TABLES[log]} e JOIN streams s ON s.id = e.stream
WHERE e.place >= ? AND e.place <= ? GROUP BY s.name"""  # noqa: S608 - as above


def place_of(partition: int, offset: int) -> int:
    """The integer key of an offset in a partition."""
    return partition << _OFFSET_BITS | offset


def offset_of(place: int) -> int:
    """The offset in its partition."""
    return place & _OFFSET_MASK


def partition_of(place: int) -> int:
    """The partition of a place."""
    return place >> _OFFSET_BITS
