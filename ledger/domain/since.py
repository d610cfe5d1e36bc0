"""Whether what a command is about to change was changed by somebody else since he looked (RFC 9110, 13.1.1).

A run goes on while a person edits it: only a change of the same field is in the way, so the first of two
edits of a description wins, and a tag that the script sets meanwhile is in nobody's way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.events import (
    Event,
    ExperimentDescribedEvent,
    ExperimentTaggedEvent,
    ExperimentUntaggedEvent,
    OpaqueEvent,
    RunDescribedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    ViewChangedEvent,
    ViewDeletedEvent,
    ViewSavedEvent,
    ViewSharedEvent,
    readable,
)


@dataclass(frozen=True, slots=True)
class Happened:
    """An accepted event of the same stream: what it was, when, and who did it."""

    position: int
    occurred_at: str
    actor: str
    event: Event | OpaqueEvent


def in_the_way(wanted: Iterable[Event], since: Sequence[Happened]) -> list[dict[str, Any]]:
    """Which fields others have changed that the wanted events change too, the newest change of each last."""
    fields = {field for event in wanted for field in changed_by(event)}
    found: dict[str, dict[str, Any]] = {}
    for each in since:
        changed = dict.fromkeys(fields) if isinstance(each.event, OpaqueEvent) else changed_by(each.event)
        for field in changed.keys() & fields:
            found.pop(field, None)
            found[field] = {
                "field": field,
                "value": changed[field],
                "actor": each.actor,
                "position": each.position,
                "occurred_at": each.occurred_at,
            }
    return list(found.values())


def changed_by(event: Event) -> dict[str, Any]:
    """The fields that an event changes, each with its new value; of one not known here, itself as a whole."""
    match event:
        case RunTaggedEvent(key=key, value=value) | ExperimentTaggedEvent(key=key, value=value):
            return {f"tags.{key}": readable(value)}
        case RunUntaggedEvent(key=key) | ExperimentUntaggedEvent(key=key):
            return {f"tags.{key}": None}
        case RunDescribedEvent(changed=names):
            return {name: readable(getattr(event, name)) for name in names}
        case ExperimentDescribedEvent(description=text):
            return {"description": readable(text)}
        case ViewSavedEvent() | ViewChangedEvent() | ViewSharedEvent() | ViewDeletedEvent():
            # Who may do what with a view depends on what it is, and both are seen at once.
            return {"view": readable(getattr(event, "view_name", None))}
        case _:
            return {event.name: None}
