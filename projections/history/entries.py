"""From the events of a run to entries with before and after, without any store."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ledger.feed import FeedEvent
from ledger.queries import Change, HistoryEntry
from projections.runs.state import RunState, apply_event
from schemas.events import (
    Event,
    OpaqueEvent,
    RunAlertedEvent,
    RunArtifactAddedEvent,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    readable,
)

BARE = "(no value)"


def entries(events: Iterable[FeedEvent]) -> list[HistoryEntry]:
    """An entry for each event, in order."""
    state: RunState = {}
    artifacts: dict[str, Any] = {}
    found = []
    for event in events:
        before = _fields(state, artifacts, event)
        if isinstance(event.event, RunArtifactAddedEvent):
            artifacts[event.event.artifact_name] = {"size": event.event.size, "sha256": event.event.sha256}
        if not isinstance(event.event, OpaqueEvent):
            apply_event(state, event)
        found.append(_entry(event, before, _fields(state, artifacts, event) | _raised(event)))
    return found


def _fields(state: RunState, artifacts: dict[str, Any], happened: FeedEvent) -> dict[str, Any]:
    """The fields that an event can change: a run may have thousands of others."""
    match happened.event:
        case RunTaggedEvent(key=key) | RunUntaggedEvent(key=key):
            return _one("tags", key, state.get("tags", {}))
        case RunPropertyAddedEvent(key=key):
            return _one("properties", key, state.get("properties", {}))
        case RunParameterAddedEvent(key=key):
            return _one("parameters", key, state.get("parameters", {}))
        case RunArtifactAddedEvent(artifact_name=name):
            return _one("artifacts", name, artifacts)
        case OpaqueEvent():
            return {}
        case _:
            return _flat(state)


def _raised(happened: FeedEvent) -> dict[str, Any]:
    """What the script wanted people to know; it changes nothing of the run."""
    match happened.event:
        case RunAlertedEvent(level=level, title=title, text=text):
            said = f"{level}: {readable(title)}"
            return {"alert": f"{said}: {readable(text)}" if text else said}
        case _:
            return {}


def _flat(state: RunState) -> dict[str, Any]:
    """The fields of a run as a person names them: `tags.quality`, `status`."""
    fields: dict[str, Any] = {}
    for name, value in state.items():
        if name in {"tags", "properties", "parameters"}:
            for key in value:
                fields |= _one(name, key, value)
        elif name not in _NOT_SHOWN:
            fields[name] = value
    return fields


def _one(name: str, key: str, items: dict[str, Any]) -> dict[str, Any]:
    if key not in items:
        return {}
    return {f"{name}.{key}": BARE if items[key] is None else items[key]}


_NOT_SHOWN = frozenset(
    {"created", "last_position", "number", "started", "ended", "attempt_started", "earlier_attempts"}
)
_ABSENT = object()


def _entry(event: FeedEvent, before: dict[str, Any], after: dict[str, Any]) -> HistoryEntry:
    envelope = event.envelope
    body = event.event if isinstance(event.event, Event) else None
    return HistoryEntry(
        position=event.position,
        seq=envelope.seq,
        event=envelope.type,
        event_id=envelope.id,
        occurred_at=envelope.time,
        recorded_at=recorded_utc(event),
        actor=envelope.actor,
        source=envelope.source,
        reason=readable(body.reason) if body else None,
        changes=_changes(before, after),
        hash=event.hash.hex(),
        client=body.client if body else None,
        on_behalf_of=readable(body.on_behalf_of) if body else None,
    )


def recorded_utc(event: FeedEvent) -> str:
    """When the log took an event, in ISO 8601 UTC."""
    return datetime.fromtimestamp(event.recorded_at / 1000, UTC).isoformat(timespec="milliseconds")


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    names = [*before, *(name for name in after if name not in before)]
    return [
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name, _ABSENT) != after.get(name, _ABSENT)
    ]
