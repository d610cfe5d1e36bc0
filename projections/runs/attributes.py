"""What runs can be found by: small facts, each with a number of its own in the table."""

from typing import Any

from ledger.feed import FeedEvent
from projections.runs.state import RunState
from schemas.events import (
    RunDescribedEvent,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunResumedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
)

Attribute = tuple[str, str, str]
"""Kind, key and value; unused parts are empty."""

_KEY = {"tag": "tag key", "property": "property key", "parameter": "parameter key"}
TOP_LEVEL: Attribute = ("top-level", "", "")
ARCHIVED: Attribute = ("archived", "", "")


def attributes_of(state: RunState) -> list[Attribute]:
    """All facts of a run, in a fixed order."""
    found = [
        ("status", "", state["status"]),
        ("experiment", "", state["experiment"]),
        ("submitter", "", state["created_by"]),
        *(one(kind, state[kind]) for kind in ("run_type", "target", "parent_run_id", "root_run_id") if kind in state),
    ]
    if "parent_run_id" not in state:
        found.append(TOP_LEVEL)
    if state.get("archived"):
        found.append(ARCHIVED)
    for kind, name in (("tag", "tags"), ("property", "properties"), ("parameter", "parameters")):
        for key, value in state[name].items():
            found += [has_key(kind, key), pair(kind, key, value)]
    return found


def attributes_brought_by(happened: FeedEvent, state: RunState) -> list[Attribute]:
    """The facts that an event may have added, given the state behind it, in a fixed order."""
    match happened.event:
        case RunTaggedEvent(key=key):
            return [has_key("tag", key), pair("tag", key, state["tags"].get(key))]
        case RunPropertyAddedEvent(key=key):
            return [has_key("property", key), pair("property", key, state["properties"][key])]
        case RunParameterAddedEvent(key=key):
            return [has_key("parameter", key), pair("parameter", key, state["parameters"][key])]
        case RunStatusChangedEvent() | RunResumedEvent():
            return [one("status", state["status"])]
        case RunUntaggedEvent() | RunDescribedEvent():
            return []
        case _:
            return attributes_of(state)


def one(kind: str, value: str) -> Attribute:
    """A fact without a key, such as the target."""
    return (kind, "", value)


def has_key(kind: str, key: str) -> Attribute:
    """The fact that a tag, property or parameter is there, with whatever value."""
    return (_KEY[kind], key, "")


def pair(kind: str, key: str, value: Any) -> Attribute:
    """The fact that it has this value; a bare tag is another fact than an empty one."""
    match value:
        case str():
            return (kind, key, value)
        case None:
            return (f"{kind} bare", key, "")
        case bool():
            return (kind, key, str(value).lower())
        case _:
            return (kind, key, str(value))
