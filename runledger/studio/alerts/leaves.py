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
        return value if isinstance(typed(value), str) and quoted(value) == value else json.dumps(value)
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_UP_TO
    return json.dumps(int(value) if isinstance(value, float) and whole else value)


def typed(text: str) -> Any:
    """What a text stands for: a number, true or false, a text in quotes; else itself."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float | str) and found == found else text  # noqa: PLR0124 - NaN


def quoted(text: str) -> str:
    """A text as it is typed where nothing but a text can be: in quotes, if it is empty, or some of it would be lost."""
    kept = text == text.strip() and text.isprintable() and not text.startswith('"')
    return text if text and kept else json.dumps(text, ensure_ascii=False)


def unquoted(text: str) -> str:
    """What such a text stands for."""
    found = typed(text) if text.startswith('"') else text
    return found if isinstance(found, str) else text


def value_in(of: str, field: Field, texts: list[str]) -> Any:
    """What was typed into a field, as JSON has it; None for nothing. What is wrong stays as it was typed."""
    if field.kind == "choices":
        return list(texts)
    text = texts[0].strip() if texts else ""
    if field.kind == "flag":
        return text != "false"
    if field.kind == _TEXT:
        return unquoted(text)
    if not text or field.kind == "choice":
        return text or None
    if field.kind == _VALUE:
        return typed(text) if of in NUMBERED else unquoted(text)
    found = typed(text)
    return text if isinstance(found, bool | str) else found


def texts_of(of: str, field: Field, value: Any) -> list[str]:
    """How a value of JSON is typed."""
    if value is None:
        return []
    if field.kind == "choices":
        return [str(each) for each in value]
    if field.kind == "choice" or (value == "" and field.kind == _TEXT):
        return [str(value)]
    only_text = field.kind == _TEXT or (field.kind == _VALUE and of not in NUMBERED)
    return [quoted(str(value)) if only_text else written(value)]


LEAVES: Mapping[str, Leaf] = _leaves()
"""Every kind of condition that holds no other."""
