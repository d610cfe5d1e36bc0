"""An event as an entry of the audit: who, when, from where, to what, and each field before and after."""

from typing import Any

from ledger.feed import Feed, FeedEvent
from ledger.queries import AuditDocument, Change
from projections.audit.fields import came_from, fields_of, refused_field
from projections.audit.projection import FIELD, thing_of
from projections.connection import Connection
from projections.history.entries import recorded_utc
from schemas.events import (
    CommandRefusedEvent,
    Event,
    LoginRefusedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    readable,
)
from schemas.streams import key_of, kind_of

_BEFORE = """
SELECT max(c.position) FROM audit_changes c
JOIN audit_names n ON n.id = c.field AND n.kind = ? AND n.name = ?
JOIN audit_streams s ON s.id = c.stream AND s.name = ?
WHERE c.position < ?"""
_EXPERIMENT = """
SELECT n.name FROM audit_streams s JOIN audit_names n ON n.id = s.experiment WHERE s.name = ?"""


def entry_of(connection: Connection, feed: Feed, happened: FeedEvent) -> AuditDocument:
    """The entry of an event; of one that this program cannot read what its record says."""
    envelope, event = happened.envelope, happened.event
    known = event if isinstance(event, Event) else None
    stream = thing_of(happened, known) if known else envelope.stream
    return {
        "position": happened.position,
        "recorded_at": recorded_utc(happened),
        "occurred_at": envelope.time,
        "action": known.name if known else envelope.type,
        "stream": stream,
        "run_id": key_of(stream) if kind_of(stream) == "run" else None,
        "experiment": _experiment(connection, stream),
        "actor": envelope.actor,
        "on_behalf_of": readable(known.on_behalf_of) if known else None,
        "client": known.client if known else None,
        "address": came_from(known) if known else None,
        "source": envelope.source,
        "reason": readable(known.reason) if known else None,
        "event_id": envelope.id,
        "hash": happened.hash.hex(),
        **_refusal(known),
        "changes": [vars_of(change) for change in _changes(connection, feed, happened, known)],
    }


def vars_of(change: Change) -> dict[str, Any]:
    """A change as JSON."""
    return {"field": change.field, "before": change.before, "after": change.after}


def _refusal(event: Event | None) -> dict[str, Any]:
    match event:
        case CommandRefusedEvent():
            said = {"refused": event.rule, "command": event.command_name, "message": readable(event.message)}
            return said | {"count": event.count}
        case LoginRefusedEvent():
            return {"refused": "login", "command": "login", "message": event.why, "count": event.count}
        case _:
            return {"refused": None}


def _changes(connection: Connection, feed: Feed, happened: FeedEvent, event: Event | None) -> list[Change]:
    match event:
        case None:
            return []
        case CommandRefusedEvent():
            field = refused_field(event)
            return [] if field is None else [Change(field, event.old, event.attempted)]
        case RunStartedEvent():
            return [Change(field, None, value) for field, value in fields_of(event).items()]
        case _:
            stream, before = happened.envelope.stream, happened.position
            changes = [
                Change(field, _stood(connection, feed, stream, field, before, event), value)
                for field, value in fields_of(event).items()
            ]
            return [change for change in changes if change.before != change.after]


def _stood(connection: Connection, feed: Feed, stream: str, field: str, position: int, event: Event) -> Any:
    """What stood in a field of a stream before a position."""
    if isinstance(event, RunStatusChangedEvent) and field == "status":
        return event.previous.value
    (before,) = connection.execute(_BEFORE, (FIELD, field, stream, position)).fetchone()
    found = feed.at(before) if before is not None else None
    return fields_of(found.event).get(field) if found is not None and isinstance(found.event, Event) else None


def _experiment(connection: Connection, stream: str) -> str | None:
    row = connection.execute(_EXPERIMENT, (stream,)).fetchone()
    return row[0] if row else None
