"""What an event says of the thing it happened to, field by field: `tags.approved`, `status`."""

from collections.abc import Callable
from typing import Any

from schemas.events import (
    CommandRefusedEvent,
    Encrypted,
    Event,
    ExperimentTaggedEvent,
    ExperimentUntaggedEvent,
    RunAlertedEvent,
    RunArtifactAddedEvent,
    RunDescribedEvent,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    RunWarnedEvent,
    readable,
)
from schemas.events.base import CONCEALED
from schemas.statuses import RunStatus

Fields = dict[str, Any]

BARE = "(no value)"
"""The value of a bare tag, which is not an empty one."""

ABSENT = None
"""What stands for a field that is not there any more."""

_COMMON = frozenset(Event.model_fields)
# Events that name no field, by what they mean for the thing.
_STATES: dict[str, Fields] = {
    "run.archived": {"archived": True},
    "run.restored": {"archived": False},
    "experiment.archived": {"archived": True},
    "experiment.reactivated": {"archived": False},
    "experiment.deleted": {"deleted": True},
    "alert-rule.enabled": {"enabled": True},
    "alert-rule.disabled": {"enabled": False},
    "alert-rule.deleted": {"deleted": True},
    "user.disabled": {"disabled": True},
    "silence.ended": {"ended": True},
    "view.deleted": {"deleted": True},
}
# What command a refused key belongs to.
_KINDS_OF_KEYS = {
    "add_properties": "properties",
    "add_parameters": "parameters",
    "tag_run": "tags",
    "untag_run": "tags",
    "start_run": "properties",
    "tag_experiment": "tags",
}


def came_from(event: Event) -> str | None:
    """The network address that an event's command came from; the event of a file has that of the file in its place."""
    return None if isinstance(event, RunArtifactAddedEvent) else readable(event.address)


def fields_of(event: Event) -> Fields:
    """What stands in each field from this event on; None where it is gone."""
    state = _STATES.get(event.name)
    if state is not None:
        return dict(state)
    told = _TELLERS.get(type(event))
    return _of_payload(event) if told is None else told(event)


def refused_field(event: CommandRefusedEvent) -> str | None:
    """The field that a refused command wanted to change, if it was about one."""
    if event.key is None or event.key == "status":
        return event.key
    kind = _KINDS_OF_KEYS.get(event.command_name.replace("-", "_"))
    return event.key if kind is None else f"{kind}.{event.key}"


def _tag(key: str, value: Any) -> Fields:
    return {f"tags.{key}": BARE if value is None else readable(value)}


def _started(event: RunStartedEvent) -> Fields:
    found: Fields = {"status": event.status.value, "experiment": event.experiment}
    for name in ("display_name", "description", "parent_run_id"):
        if (value := getattr(event, name)) is not None:
            found[name] = readable(value)
    for key, value in event.tags.items():
        found |= _tag(key, value)
    return found | {f"properties.{key}": readable(value) for key, value in event.properties.items()}


def _changed(event: RunStatusChangedEvent) -> Fields:
    found: Fields = {"status": event.status.value}
    if event.error is not None:
        found["error"] = f"{event.error.code}: {readable(event.error.message)}"
    return found


def _of_payload(event: Event) -> Fields:
    """The fields as they are, one level down; what is secret is not shown."""
    secrets = event.secrets()
    found: Fields = {}
    for name in type(event).model_fields:
        value = getattr(event, name)
        if name in _COMMON or value is None:
            continue
        if isinstance(value, dict):
            found |= {f"{name}.{key}": _plain(each) for key, each in value.items()}
        else:
            found[name] = CONCEALED if name in secrets else _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Encrypted):
        return readable(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


_TELLERS: dict[type[Event], Callable[[Any], Fields]] = {
    RunStartedEvent: _started,
    RunStatusChangedEvent: _changed,
    RunResumedEvent: lambda event: {"status": RunStatus.RUNNING.value, "attempt": event.attempt},
    RunTaggedEvent: lambda event: _tag(event.key, event.value),
    ExperimentTaggedEvent: lambda event: _tag(event.key, event.value),
    RunUntaggedEvent: lambda event: {f"tags.{event.key}": ABSENT},
    ExperimentUntaggedEvent: lambda event: {f"tags.{event.key}": ABSENT},
    RunPropertyAddedEvent: lambda event: {f"properties.{event.key}": readable(event.value)},
    RunParameterAddedEvent: lambda event: {f"parameters.{event.key}": event.value},
    RunDescribedEvent: lambda event: {name: readable(getattr(event, name)) for name in event.changed},
    RunArtifactAddedEvent: lambda event: {f"artifacts.{event.artifact_name}": event.sha256},
    RunWarnedEvent: lambda event: {f"warnings.{event.code}": readable(event.message)},
    RunAlertedEvent: lambda event: {"alert": readable(event.title)},
}
