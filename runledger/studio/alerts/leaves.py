"""What may be in a condition, from the models of conditions: the small form of each kind."""

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from schemas.conditions import AllOf, AnyCondition, AnyOf, Not

GROUPS = ("all", "any", "not")
_WHOLE, _NUMBER, _TEXT = "whole", "number", "text"
_VALUE = "value"
_WHOLE_UP_TO = 1e15


@dataclass(frozen=True, slots=True)
class Field:
    """One input: `kind` is text, value, whole, number, flag, choice or choices."""

    name: str
    kind: str
    choices: tuple[str, ...] = ()
    default: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A kind of condition: `kinds` are those of the same form, which it may become."""

    of: str
    kinds: tuple[str, ...]
    fields: tuple[Field, ...]


def _leaves() -> dict[str, Leaf]:
    found: dict[str, Leaf] = {}
    for model in get_args(get_args(AnyCondition)[0]):
        if model not in (AllOf, AnyOf, Not):
            kinds = get_args(model.model_fields["of"].annotation)
            fields = tuple(_field(name, info) for name, info in model.model_fields.items() if name != "of")
            found |= {of: Leaf(of, kinds, fields) for of in kinds}
    return found


def _field(name: str, info: FieldInfo) -> Field:
    shown = info.alias or name
    default = () if info.is_required() or info.default is None else _written(info.default)
    annotation, origin = info.annotation, get_origin(info.annotation)
    if origin is Literal:
        return Field(shown, "choice", get_args(annotation), default)
    if annotation is bool:
        return Field(shown, "flag", ("true", "false"), default)
    if origin is tuple:
        (each, *_) = get_args(annotation)
        return Field(shown, "choices", tuple(map(str, each)) if issubclass(each, StrEnum) else (), default)
    if origin in (Union, types.UnionType):
        return Field(shown, _VALUE, (), default)
    if annotation in (int, float):
        return Field(shown, _WHOLE if annotation is int else _NUMBER, (), default)
    return Field(shown, _TEXT, (), default)


def _written(value: Any) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(map(str, value))
    return (written(value),)


NUMBERED = frozenset({"parameter", "metric"})
"""Those whose values may be numbers; the others compare texts."""


def written(value: object) -> str:
    """A value as it is typed: a text that would be taken for something else stands in quotes."""
    if isinstance(value, str):
        return json.dumps(value) if not isinstance(typed(value), str) or value.startswith('"') else value
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_UP_TO
    return json.dumps(int(value) if isinstance(value, float) and whole else value)


def typed(text: str) -> Any:
    """What a text stands for: a number, true or false, a text in quotes; else itself."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float | str) else text


def value_in(of: str, field: Field, texts: list[str]) -> Any:
    """What was typed into a field, as JSON has it; None for nothing. What is wrong stays as it was typed."""
    text = texts[0].strip() if texts else ""
    match field.kind:
        case "choices":
            return list(texts)
        case "flag":
            return text != "false"
        case "choice":
            return text or None
        case "whole" | "number":
            found = typed(text)
            return found if text and not isinstance(found, bool | str) else text or None
        case "value":
            return None if not text else typed(text) if of in NUMBERED else text
        case _:
            return text


def texts_of(of: str, field: Field, value: Any) -> list[str]:
    """How a value of JSON is typed."""
    if value is None:
        return []
    if field.kind == "choices":
        return [str(each) for each in value]
    if field.kind == "value" and of not in NUMBERED:
        return [str(value)]
    return [written(value)] if field.kind in {"value", "flag", "whole", "number"} else [str(value)]


LEAVES: Mapping[str, Leaf] = _leaves()
"""Every kind of condition that holds no other."""
