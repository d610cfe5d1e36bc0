"""What of an accepted event is told to who follows the ledger, as bytes that serve everybody."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger.feed import Feed, FeedEvent
from schemas.events import (
    ExperimentCreatedEvent,
    NotificationsClaimedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
)
from schemas.statuses import RunStatus
from schemas.streams import key_of, kind_of

READ = frozenset(
    name
    for each in (
        ExperimentCreatedEvent,
        NotificationsClaimedEvent,
        RunResumedEvent,
        RunStartedEvent,
        RunStatusChangedEvent,
    )
    for name in each.type_names()
)
"""The types whose content is told; of all others the type alone."""
SECRET = frozenset({"user", "refusals", "log"})
"""Kinds of streams that are not everybody's business."""
_KEYS = {"rule": "rule_id", "silence": "silence_id"}
_REMEMBERED = 50_000


class Message(NamedTuple):
    """An event as it is sent, and whom it is about: the run, those above it, its experiment."""

    position: int
    content: bytes
    runs: frozenset[str] = frozenset()
    experiment: str | None = None


class Family(NamedTuple):
    """What of a run never changes."""

    experiment: str
    parent_run_id: str | None = None
    root_run_id: str | None = None


def event_bytes(name: str, data: Mapping[str, Any], event_id: str | None = None) -> bytes:
    """One event as it travels; without an id it leaves the place to resume from where it was."""
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def id_of(position: int, log_id: str) -> str:
    """The id of an event: its position, and which ledger's."""
    return f"{position}-{log_id}"


class Describing:
    """Makes messages of events; what it must know of runs and experiments it reads once."""

    def __init__(self, feed: Feed) -> None:
        """Read what lies further back from the feed."""
        self._feed = feed
        self._families: OrderedDict[str, Family | None] = OrderedDict()

    def message_of(self, found: FeedEvent) -> Message | None:
        """The message; None for what is not told."""
        stream = found.envelope.stream
        kind = kind_of(stream)
        if kind in SECRET:
            return None
        data: dict[str, Any] = {
            "position": found.position,
            "type": found.envelope.type,
            "actor": found.envelope.actor,
        }
        runs: frozenset[str] = frozenset()
        family = None
        if kind in {"run", "experiment"}:
            family = self._family(stream, found)
        if kind == "run":
            run_id = key_of(stream)
            data |= {"run_id": run_id, **_given(family)}
            runs = frozenset({run_id, *(family or ())[1:]} - {None})
        elif kind == "experiment":
            data |= _given(family)
        elif kind in _KEYS:
            data[_KEYS[kind]] = key_of(stream)
        data |= _content(found)
        content = event_bytes(kind, data, id_of(found.position, self._feed.log_id))
        return Message(found.position, content, runs, family and family.experiment)

    def _family(self, stream: str, found: FeedEvent) -> Family | None:
        if stream in self._families:
            self._families.move_to_end(stream)
            return self._families[stream]
        first = found if not found.envelope.prev else self._feed.first_of(stream)
        family = None if first is None else _family_in(first)
        self._families[stream] = family
        while len(self._families) > _REMEMBERED:
            self._families.popitem(last=False)
        return family


def _family_in(first: FeedEvent) -> Family | None:
    match first.event:
        case RunStartedEvent() as event:
            return Family(event.experiment, event.parent_run_id, event.root_run_id)
        case ExperimentCreatedEvent() as event:
            return Family(event.experiment)
        case _:
            return None


def _given(family: Family | None) -> dict[str, str]:
    return {} if family is None else {name: value for name, value in family._asdict().items() if value is not None}


def _content(found: FeedEvent) -> dict[str, Any]:
    match found.event:
        case RunStartedEvent(status=status) | RunStatusChangedEvent(status=status):
            return {"status": status}
        case RunResumedEvent():
            return {"status": RunStatus.RUNNING}
        case NotificationsClaimedEvent(notifications=claims):
            return {"rules": sorted({claim.rule for claim in claims})}
        case _:
            return {}
