"""Accepted events and void records as documents that people read: secrets concealed, a line on what each says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ledger.feed import FeedEvent
from ledger.store.database import Database
from ledger.store.fold import Void
from schemas.events import Event
from schemas.events.base import CONCEALED
from schemas.personal import MARK
from schemas.records import Record
from schemas.registry import secrets_in
from schemas.streams import ABOUT_PEOPLE, VALUES, LogName, genesis_stream, kind_of, log_of

_SUMMARY_LENGTH = 120
# What every event carries, beside what it is about.
_COMMON = frozenset({"command", "digest", "reason", "on_behalf_of", "client", "address"})


def event_document(event: FeedEvent, as_text: Callable[[Any], str]) -> dict[str, Any]:
    """An accepted event; `as_text` writes a value of any kind in its summary."""
    envelope = event.envelope
    data = _payload(envelope.type, in_the_clear(event))
    return {
        "position": event.position,
        "recorded_at": _iso(event.recorded_at),
        "stream": envelope.stream,
        "seq": envelope.seq,
        "type": envelope.type,
        "actor": envelope.actor,
        "summary": _summary(data, as_text),
        "id": envelope.id,
        "source": envelope.source,
        "occurred_at": envelope.time,
        "hash": event.hash.hex(),
        "data": data,
    }


def in_the_clear(event: FeedEvent) -> bytes:
    """The value of an event as it was stored; where text of it is encrypted, as far as it can be read."""
    known, value = event.event, event.envelope.value
    return known.to_value() if MARK in value and isinstance(known, Event) else value


def for_anybody(document: dict[str, Any]) -> dict[str, Any]:
    """The document of an event without what only an admin is shown: who logs in from where, and people's addresses."""
    if kind_of(document["stream"]) in ABOUT_PEOPLE:
        return document | {"summary": CONCEALED, "data": CONCEALED}
    data = document["data"]
    return (
        document | {"data": data | {"address": CONCEALED}} if isinstance(data, dict) and "address" in data else document
    )


def void_document(log: LogName, found: Void) -> dict[str, Any]:
    """A record that no reader accepts, with the rule that it breaks."""
    record = found.record
    return {
        "log": log,
        "partition": found.partition,
        "position": found.offset,
        "recorded_at": _iso(found.recorded_at),
        "rule": found.rule,
        "key": _readable(record.key),
        "headers": [[_shown_name(name), _readable(value)] for name, value in record.headers],
        "value": _void_value(record),
    }


def head_documents(database: Database) -> list[dict[str, Any]]:
    """The head of each stream of both logs, by log and name."""
    of_values = {genesis_stream(each.id) for each in database.identities().values() if each.name == VALUES}
    documents = [
        {"log": VALUES if stream in of_values else log_of(stream), "stream": stream, "seq": seq, "hash": hash_.hex()}
        for stream, (seq, hash_) in database.heads().items()
    ]
    return sorted(documents, key=lambda document: document["log"])


def _void_value(record: Record) -> str | None:
    types = [_readable(value) or "" for name, value in record.headers if name == "ce_type"]
    return CONCEALED if any(map(secrets_in, types)) else _readable(record.value)


def _summary(data: Any, as_text: Callable[[Any], str]) -> str:
    match data:
        case {"previous": previous, "status": status}:
            text = f"{previous} -> {status}"
        case {"key": key, "value": value} if value is not None:
            text = f"{key} = {_shown(value, as_text)}"
        case {"key": key}:
            text = str(key)
        case dict():
            text = ", ".join(f"{name}={_shown(value, as_text)}" for name, value in data.items() if name not in _COMMON)
        case _:
            text = _shown(data, as_text)
    return text if len(text) <= _SUMMARY_LENGTH else f"{text[: _SUMMARY_LENGTH - 3]}..."


def _shown(value: Any, as_text: Callable[[Any], str]) -> str:
    return "(encrypted)" if isinstance(value, dict) and "$enc" in value else as_text(value)


def _payload(type_name: str, value: bytes) -> Any:
    secrets = secrets_in(type_name)
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return CONCEALED if secrets else _readable(value)
    return data | dict.fromkeys(secrets & data.keys(), CONCEALED) if secrets and isinstance(data, dict) else data


def _shown_name(name: str) -> str:
    """The name of a header; bytes of it that are no UTF-8 as escapes."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _readable(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", errors="backslashreplace")


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
