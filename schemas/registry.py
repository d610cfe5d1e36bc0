"""The table of all events, and the way from a record back to an event."""

import json
import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

import schemas.events
from schemas.events import Event, OpaqueEvent
from schemas.events.former import RunWarnedV1Event

_EXPORTS = [getattr(schemas.events, name) for name in schemas.events.__all__]

EVENTS: tuple[type[Event], ...] = tuple(
    item for item in _EXPORTS if isinstance(item, type) and issubclass(item, Event) and item is not Event
)
"""The events that are written now, each in its current version."""

FORMER: tuple[type[Event], ...] = (RunWarnedV1Event,)
"""The versions that are only read."""

_CURRENT = {event.type_name(): event for event in EVENTS}
_FORMER = {event.type_name(): event for event in FORMER}
_BY_NAME = {event.name: event for event in EVENTS}
_PLACE_LENGTH = 200
_TYPE_NAME = re.compile(r"runledger\.(.+)\.v([1-9][0-9]*)")


def decode(type_name: str, value: bytes) -> Event | OpaqueEvent:
    """The event in a record; never raises, whatever the bytes hold."""
    try:
        if b"NaN" in value or b"Infinity" in value:
            # The fast parser lets these through where a number may be; JSON has no such numbers.
            from_json(value, allow_inf_nan=False)
        current = _CURRENT.get(type_name)
        if current is not None:
            return current.model_validate_json(value)
        if type_name in _FORMER:
            return _upcast(_FORMER[type_name], value)
        return OpaqueEvent(type_name, value, _why_unknown(type_name))
    except MemoryError:
        raise  # this says something about the machine, nothing about the event
    except Exception as error:  # noqa: BLE001 - no accepted event may stop a reader
        return OpaqueEvent(type_name, value, _why_unreadable(error))


def is_known(type_name: str) -> bool:
    """Whether this program can read events of a type, if their values are as they should be."""
    return type_name in _CURRENT or type_name in _FORMER


def is_newer(type_name: str) -> bool:
    """Whether a type is one of ours that this program does not know: a later version does."""
    return _TYPE_NAME.fullmatch(type_name) is not None and not is_known(type_name)


def secrets_in(type_name: str) -> frozenset[str]:
    """The names of the fields of an event that nobody is shown; none of a type that is not known."""
    event = _CURRENT.get(type_name)
    return event.secrets() if event is not None else frozenset()


def _upcast(former: type[Event], value: bytes) -> Event:
    former.model_validate_json(value)
    current = _BY_NAME[former.name]
    payload: dict[str, Any] = from_json(value)
    for version in range(former.version, current.version):
        payload = getattr(current, f"upcast_v{version}_v{version + 1}")(payload)
    return current.model_validate_json(json.dumps(payload, allow_nan=False))


def _why_unknown(type_name: str) -> str:
    match = _TYPE_NAME.fullmatch(type_name)
    current = _BY_NAME.get(match.group(1)) if match else None
    if match is None or current is None:
        return "this program knows no such event"
    return f"version {match.group(2)} is none that this program knows; it knows up to {current.version}"


def _why_unreadable(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"
    # Names the place and the rule, never the content, which may be personal.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])[:_PLACE_LENGTH]
    return f"{place}: {first['msg']}" if place else first["msg"]
