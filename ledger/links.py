"""One link of a chain: a stored event, its hash, and the event before it."""

from hashlib import sha256
from typing import Any

from ledger.store.packing import unpack_headers
from ledger.store.tables import EVENT_TABLES
from schemas.errors import BadRecordError
from schemas.records import Record, canonical_bytes, parse_record
from schemas.streams import LogName, key_of

Row = tuple[Any, ...]

FIELDS = slice(0, 8)
VALUE, PLACE, STREAM, SEQ, PREV, RECORDED_AT, HASH, RUNNING, HEADERS, STREAM_KEY, EVENT_ID = range(8, 19)

# The first nine columns are the bytes that were hashed, as they were in the record.
_SELECT = """
SELECT CAST(s.name AS BLOB), CAST(e.seq AS BLOB), CAST(lower(hex(e.prev)) AS BLOB), CAST(e.id AS BLOB),
       CAST(e.source AS BLOB), CAST(e.type AS BLOB), CAST(e.time AS BLOB), CAST(e.actor AS BLOB), e.value,
       e.place, s.name, e.seq, e.prev, e.recorded_at, e.hash, e.running, e.headers, e.stream, e.id
FROM {table} e LEFT JOIN streams s ON s.id = e.stream
WHERE e.place >= ? AND e.place < ? ORDER BY e.place"""

# The same columns, of which those are empty that only the content's hash needs.
_SELECT_LINKS = """
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       place, NULL, seq, prev, recorded_at, hash, running, NULL, stream, NULL
FROM {table} WHERE place >= ? AND place < ? ORDER BY place"""


def select_rows(log: LogName) -> str:
    """The SELECT of everything that is checked, between two places."""
    return _SELECT.format(table=EVENT_TABLES[log])


def select_links(log: LogName) -> str:
    """The SELECT of what ties events whose content was checked before, between two places."""
    return _SELECT_LINKS.format(table=EVENT_TABLES[log])


def difference(log_id: str, row: Row, head: tuple[int, bytes] | None) -> str | None:
    """What is wrong with one stored event by itself and behind its predecessor; None if nothing is."""
    if row[STREAM] is None:
        return "its stream is missing"
    try:
        if sha256(canonical_bytes(log_id, row[FIELDS], row[VALUE])).digest() != row[HASH]:
            return "its content does not match its hash"
        return unlinked(row, head) or _headers_difference(row)
    except (TypeError, ValueError) as error:
        return f"its content does not match its hash: it is damaged ({error})"


def unlinked(row: Row, head: tuple[int, bytes] | None) -> str | None:
    """What is wrong with how an event follows the one before it in its stream; None if nothing is."""
    if head is None:
        missing = row[PREV] or row[SEQ] > 1
        return f"the events of its stream before number {row[SEQ]} are missing" if missing else None
    if row[SEQ] != head[0] + 1:
        return f"it follows event {head[0]} of its stream"
    if row[PREV] != head[1]:
        return "it names another predecessor than the event before it"
    return None


def out_of_line(row: Row, running: bytes, recorded_at: int) -> str | None:
    """What is wrong with how an event follows the one before it in its log; None if nothing is."""
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
