"""A record as bytes, its envelope, and the hash that chains it.

The rules here decide acceptance, so they are strict, final and free of any meaning of the
event: only the key, the headers and the raw bytes of the value count.
"""

import re
from hashlib import sha256
from typing import NamedTuple

from schemas.errors import BadRecordError

Headers = tuple[tuple[str, bytes | None], ...]
"""Names and values in order; Kafka knows headers without a value, which is not an empty one."""

CANONICAL_FORM = "runledger/1"
NO_PREVIOUS = ""

_CONTENT_TYPE = ("content-type", b"application/json")
_SPEC_VERSION = ("ce_specversion", b"1.0")
_FIELDS = ("ce_stream", "ce_seq", "ce_prev", "ce_id", "ce_source", "ce_type", "ce_time", "ce_actor")
_FIELD_SET = frozenset(_FIELDS)
_STANDARD_NAMES = (_CONTENT_TYPE[0], _SPEC_VERSION[0], *_FIELDS)
_STANDARD_VALUES = (_CONTENT_TYPE[1], _SPEC_VERSION[1])

_ID = rb"[A-Za-z0-9_.-]{1,256}"
_TEXT = rb"[^\x00-\x1f\x7f]{1,512}"
_RULES = {
    "ce_stream": rb"[a-z][a-z0-9-]{0,31}:(" + _ID + rb")(?::" + _ID + rb")?",
    "ce_seq": rb"0|[1-9][0-9]{0,17}",
    "ce_prev": rb"(?:[0-9a-f]{64})?",
    "ce_id": _ID,
    "ce_source": _TEXT,
    "ce_type": _ID,
    "ce_time": rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z",
    "ce_actor": _TEXT,
}
# None of the rules lets a NUL through, so one match over the joined fields checks all eight.
_ALL_FIELDS = re.compile(rb"\x00".join(b"(?:%b)" % _RULES[name] for name in _FIELDS))
_EACH_FIELD = {name: re.compile(rule) for name, rule in _RULES.items()}

_PREIMAGE = CANONICAL_FORM.encode() + b"\n" + b"%d:%b," * 10


class Record(NamedTuple):
    """What a log holds: a key, headers in order, and a value."""

    key: bytes | None
    headers: Headers
    value: bytes | None


class Envelope(NamedTuple):
    """An event as it travels: the eight fields of its headers, and the raw value."""

    stream: str
    seq: int
    prev: str
    id: str
    source: str
    type: str
    time: str
    actor: str
    value: bytes

    def record(self) -> Record:
        """The record to send, with the standard headers in the standard order."""
        fields = zip(_FIELDS, self.fields(), strict=True)
        return Record(
            key=self.stream.split(":", 2)[1].encode(),
            headers=(_CONTENT_TYPE, _SPEC_VERSION, *fields),
            value=self.value,
        )

    def fields(self) -> tuple[bytes, ...]:
        """The raw bytes of the eight header fields, in the order of the headers."""
        return (
            self.stream.encode(),
            b"%d" % self.seq,
            self.prev.encode(),
            self.id.encode(),
            self.source.encode(),
            self.type.encode(),
            self.time.encode(),
            self.actor.encode(),
        )

    def hash(self, log_id: str) -> bytes:
        """SHA-256 of the canonical bytes: 32 bytes."""
        return sha256(canonical_bytes(log_id, self.fields(), self.value)).digest()


def canonical_bytes(log_id: str, fields: tuple[bytes, ...], value: bytes) -> bytes:
    """The bytes that are hashed: a version line, then netstrings of log id, fields and value."""
    stream, seq, prev, event_id, source, type_, time, actor = fields
    log = log_id.encode()
    # Written out flat: this line is most of the cost of reading a log.
    return _PREIMAGE % (
        len(log), log, len(stream), stream, len(seq), seq, len(prev), prev, len(event_id), event_id,
        len(source), source, len(type_), type_, len(time), time, len(actor), actor, len(value), value,
    )  # fmt: skip


def parse_record(record: Record) -> Envelope:
    """The envelope of a record that keeps the header rules.

    Raises:
        BadRecordError: a required header is missing, repeated or malformed, or the key is not
            the id in the stream.
    """
    return parse_fields(record)[0]


def parse_fields(record: Record) -> tuple[Envelope, tuple[bytes, ...], bool]:
    """The same with the raw fields that are hashed, and whether the headers are the standard ones, in one pass.

    Raises:
        BadRecordError: as `parse_record`.
    """
    key, headers, value = record
    fields = _standard_fields(headers)
    standard = fields is not None
    if fields is None:
        fields = _fields_among(headers)
    joined = b"\x00".join(fields)
    match = _ALL_FIELDS.fullmatch(joined)
    if match is None:
        raise BadRecordError(_broken_rule(fields))
    if key != match[1]:
        raise BadRecordError("the key is not the id in ce_stream")
    if value is None:
        raise BadRecordError("the value is missing")
    return _envelope(joined, value), fields, standard


def has_standard_headers(headers: Headers) -> bool:
    """Whether `Envelope.record` would give these very headers, so that none need be kept."""
    return _standard_fields(headers) is not None


def _standard_fields(headers: Headers) -> tuple[bytes, ...] | None:
    if len(headers) != len(_STANDARD_NAMES):
        return None
    # Written out flat: every record that is read comes by here.
    (n0, v0), (n1, v1), (n2, v2), (n3, v3), (n4, v4), (n5, v5), (n6, v6), (n7, v7), (n8, v8), (n9, v9) = headers
    if (n0, n1, n2, n3, n4, n5, n6, n7, n8, n9) != _STANDARD_NAMES or (v0, v1) != _STANDARD_VALUES:
        return None
    if v2 is None or v3 is None or v4 is None or v5 is None or v6 is None or v7 is None or v8 is None or v9 is None:
        return None
    return v2, v3, v4, v5, v6, v7, v8, v9


def _fields_among(headers: Headers) -> tuple[bytes, ...]:
    found: dict[str, bytes | None] = {}
    for name, value in headers:
        if name not in _FIELD_SET and name != _SPEC_VERSION[0]:
            continue
        if name in found:
            raise BadRecordError(f"{name} is there twice")
        found[name] = value
    if found.pop(_SPEC_VERSION[0], None) != _SPEC_VERSION[1]:
        raise BadRecordError("ce_specversion is not 1.0")
    fields: list[bytes] = []
    for name in _FIELDS:
        value = found.get(name)
        if value is None:
            raise BadRecordError(f"{name} is missing")
        fields.append(value)
    return tuple(fields)


def _broken_rule(fields: tuple[bytes, ...]) -> str:
    for name, value in zip(_FIELDS, fields, strict=True):
        if _EACH_FIELD[name].fullmatch(value) is None:
            return f"{name} is malformed"
    return "a header holds a NUL"


def _envelope(joined: bytes, value: bytes) -> Envelope:
    try:
        # Neither a NUL nor a part of a letter is in any field, so that all are decoded at once.
        stream, seq, prev, event_id, source, type_, time, actor = joined.decode().split("\x00")
    except UnicodeDecodeError as error:
        raise BadRecordError("a header is not UTF-8") from error
    return Envelope(stream, int(seq), prev, event_id, source, type_, time, actor, value)
