"""Values as they were logged, exactly; and plain JSON.

Non-finite floats become `{"$float": "NaN"}` and the like, so that the bytes are JSON for every
reader and a logged text "NaN" stays a text. A text may be stored as `{"$enc": [key id, nonce, ciphertext]}`,
as that of a `Personal` field may: who has not the key reads "(encrypted)". Integers may be larger than
64 bits: neither SQLite nor `float()` takes them all.
"""

from collections.abc import Callable
from math import isfinite
from types import NoneType
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from schemas.events.base import ENCRYPTED
from schemas.limits import NUMBER_DIGITS, UNSTORABLE

JSON_DEPTH = 32
"""How deep plain JSON may be nested."""

_FLOAT, _ENCRYPTED = "$float", "$enc"
_ENCRYPTED_PARTS = 3
_NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_TOO_LARGE = 10**NUMBER_DIGITS
# Types that need no look at each value, when they come from JSON.
_PLAIN = frozenset({NoneType, bool, int})

Scalar = None | bool | int | float | str

_Check = Callable[[Any, ValidationInfo], Any]
_SCALAR_SCHEMA: JsonSchemaValue = {
    "anyOf": [
        {"type": ["null", "boolean", "integer", "number", "string"]},
        {
            "type": "object",
            "properties": {_FLOAT: {"enum": list(_NON_FINITE)}},
            "required": [_FLOAT],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                _ENCRYPTED: {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": _ENCRYPTED_PARTS,
                    "maxItems": _ENCRYPTED_PARTS,
                }
            },
            "required": [_ENCRYPTED],
            "additionalProperties": False,
        },
    ]
}


class Checked:
    """Validates by one function of ours and spells by another: pydantic's unions cost ten times that.

    `logged` says that it is of logged values.
    """

    def __init__(
        self, check: _Check, spell: Callable[[Any], Any], json_schema: JsonSchemaValue, *, logged: bool = True
    ) -> None:
        self._check, self._spell, self._json_schema, self.logged = check, spell, json_schema, logged

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._check,
            serialization=core_schema.plain_serializer_function_ser_schema(
                self._spell, return_schema=core_schema.any_schema(), when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self._json_schema


def _scalar(value: Any, info: ValidationInfo) -> Scalar:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int():
            return _integer(value)
        case float():
            # From JSON this is a number too large for a float, so the exact value is lost.
            if info.mode == "json" and not isfinite(value):
                raise ValueError("a number is too large for a float")
            return float(value)
        case {"$float": str(name)} if len(value) == 1 and name in _NON_FINITE:
            return _NON_FINITE[name]
        case {"$enc": [str(), str(), str()]} if len(value) == 1 and info.mode == "json":
            return ENCRYPTED
        case _:
            raise ValueError(f"a {type(value).__name__} is no logged value")


def _text(value: str) -> str:
    if UNSTORABLE.search(value):
        raise ValueError("a text holds a NUL or a lone surrogate")
    return str(value)


def _integer(value: int) -> int:
    if not -_TOO_LARGE < value < _TOO_LARGE:
        raise ValueError(f"an integer has more than {NUMBER_DIGITS:,} digits")
    return int(value)


def _scalars(values: Any, info: ValidationInfo) -> list[Scalar]:
    if not isinstance(values, list):
        raise ValueError("logged values are not a list")  # noqa: TRY004 - pydantic collects ValueErrors alone
    kinds = set(map(type, values))
    if kinds == {float} and all(map(isfinite, values)):
        return list(values)
    if info.mode == "json" and kinds <= _PLAIN:
        return list(values)
    return [_scalar(value, info) for value in values]


def _named_scalars(values: Any, info: ValidationInfo) -> dict[str, Scalar]:
    return {key: _scalar(value, info) for key, value in _object(values).items()}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError("this is no object with texts for keys")
    return {_text(key): item for key, item in value.items()}


def _spelled(value: Scalar) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return {_FLOAT: "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}  # noqa: PLR0124
    return value


def _spelled_list(values: list[Scalar]) -> list[Any]:
    return [_spelled(value) for value in values]


def _spelled_object(values: dict[str, Scalar]) -> dict[str, Any]:
    return {key: _spelled(value) for key, value in values.items()}


def _json_object(value: Any, _info: ValidationInfo) -> dict[str, Any]:
    return {key: _json(item, JSON_DEPTH - 1) for key, item in _object(value).items()}


def _json(value: Any, depth: int) -> Any:
    if depth < 0:
        raise ValueError(f"JSON is nested deeper than {JSON_DEPTH}")
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int():
            return _integer(value)
        case float() if isfinite(value):
            return float(value)
        case list():
            return [_json(item, depth - 1) for item in value]
        case dict():
            return {key: _json(item, depth - 1) for key, item in _object(value).items()}
        case _:
            raise ValueError(f"{type(value).__name__} is not plain JSON")


def _unchanged(value: Any) -> Any:
    return value


LoggedValue = Annotated[Scalar, Checked(_scalar, _spelled, _SCALAR_SCHEMA)]
"""Nothing, a truth value, a number or a text: 1, 1.0, True and "1" stay apart."""

LoggedValues = Annotated[list[Scalar], Checked(_scalars, _spelled_list, {"type": "array", "items": _SCALAR_SCHEMA})]
"""Logged values in a row."""

NamedValues = Annotated[
    dict[str, Scalar],
    Checked(_named_scalars, _spelled_object, {"type": "object", "additionalProperties": _SCALAR_SCHEMA}),
]
"""Logged values by name."""

JsonObject = Annotated[dict[str, Any], Checked(_json_object, _unchanged, {"type": "object"}, logged=False)]
"""Plain JSON: finite numbers, storable texts, a bounded depth."""
