"""Where in the JSON of an event personal text stands, and how it is changed there; nothing here knows a key."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from schemas.events import (
    Encrypted,
    Event,
    LedgerCreatedEvent,
    PersonalDataEncryptedEvent,
    PersonalDataErasedEvent,
)
from schemas.events.base import Part
from schemas.events.logged import Checked

Path = tuple[str, ...]
"""The keys and numbers that lead to a text."""

MARK = b'"$enc"'
"""What the bytes of an event have if any of its text is encrypted."""

_ENCRYPTED = "$enc"
_PARTS = 3
_NESTED = (dict, list)
# What must be readable whatever became of the keys.
_NEVER = (LedgerCreatedEvent, PersonalDataEncryptedEvent, PersonalDataErasedEvent)


class _Text:
    """A text stands here."""


class _Each:
    """Every item of a list, or value of an object."""

    def __init__(self, plan: "Plan") -> None:
        self.plan = plan


Plan = _Text | _Each | Mapping[str, "Plan"]
_TEXT = _Text()


@cache
def personal_in(event: type[Event]) -> Plan | None:
    """Where events of a class have personal text: their `Personal` fields, and texts among logged values."""
    return None if issubclass(event, _NEVER) else _of_model(event)


def changed(plan: Plan, tree: Any, change: Callable[[Path, str], Any], path: Path = ()) -> Any:
    """The JSON of an event with each personal text changed; lists and objects are changed where they are."""
    match plan, tree:
        case _Text(), str():
            return change(path, tree)
        case _Each(), list():
            tree[:] = [changed(plan.plan, item, change, (*path, str(number))) for number, item in enumerate(tree)]
        case _Each(), dict():
            tree.update({key: changed(plan.plan, item, change, (*path, key)) for key, item in tree.items()})
        case Mapping(), dict():
            for name, inner in plan.items():
                if name in tree:
                    tree[name] = changed(inner, tree[name], change, (*path, name))
        case _:
            pass
    return tree


def restored(tree: Any, change: Callable[[Path, list[str]], Any], path: Path = ()) -> Any:
    """Any JSON with each `{"$enc": [key id, nonce, ciphertext]}` in it changed; it is changed where it is."""
    # Every text of an encrypted ledger that is read comes by here.
    if type(tree) is dict:
        if len(tree) == 1 and _is_encrypted(tree.get(_ENCRYPTED)):
            return change(path, tree[_ENCRYPTED])
        for key, item in tree.items():
            if type(item) in _NESTED:
                tree[key] = restored(item, change, (*path, key))
    elif type(tree) is list:
        for number, item in enumerate(tree):
            if type(item) in _NESTED:
                tree[number] = restored(item, change, (*path, str(number)))
    return tree


def _is_encrypted(parts: object) -> bool:
    if type(parts) is not list or len(parts) != _PARTS:
        return False
    key_id, nonce, text = parts
    return type(key_id) is type(nonce) is type(text) is str


def _of_model(model: type[Part]) -> Plan | None:
    found = {
        name: plan
        for name, field in model.model_fields.items()
        if (plan := _of(field.annotation, field.metadata)) is not None
    }
    return found or None


def _of(annotation: Any, metadata: Any = ()) -> Plan | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _of(arguments[0], arguments[1:])
    if any(isinstance(each, Checked) for each in metadata):
        logged = any(isinstance(each, Checked) and each.logged for each in metadata)
        return (_Each(_TEXT) if origin in {list, dict} else _TEXT) if logged else None
    if origin in {list, tuple, dict}:
        inner = _of(arguments[-1] if origin is dict else arguments[0])
        return None if inner is None else _Each(inner)
    if Encrypted in arguments:
        return _TEXT
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return _of_model(annotation)
    return next((plan for each in arguments if (plan := _of(each)) is not None), None)
