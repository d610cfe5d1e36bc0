"""From an OpenAPI description to what a page shows: operations by what they are about, and the shapes they use."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLACE = "#/components/schemas/"
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
    "array": "list",
}
_BASE = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is, in words; `shape` is the name of its shape, if it has one."""

    words: str
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a shape."""

    name: str
    kind: Kind
    required: bool
    text: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; `body` and `answer` are pairs of a content type and what it holds."""

    id: str
    method: str
    path: str
    text: str
    fields: Sequence[Field]
    body: Sequence[tuple[str, Kind]]
    answer: Sequence[tuple[str, Kind]]


@dataclass(frozen=True, slots=True)
class Shape:
    """A named shape of JSON: its fields, the shapes that it may be, or the words that it may be."""

    name: str
    text: str
    fields: Sequence[Field]
    choices: Sequence[str]
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Manual:
    """All of it."""

    groups: Mapping[str, Sequence[Operation]]
    shapes: Sequence[Shape]


def manual_of(description: Mapping[str, Any]) -> Manual:
    """What a page shows of an OpenAPI description."""
    groups: dict[str, list[Operation]] = {}
    for operation in _operations(description):
        groups.setdefault(_group(operation.path), []).append(operation)
    schemas = description.get("components", {}).get("schemas", {})
    return Manual(dict(sorted(groups.items())), [_shape(name, schemas[name]) for name in sorted(schemas)])


def _operations(description: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in description["paths"].items():
        for method, found in methods.items():
            fields = [_parameter(each) for each in found.get("parameters", ())]
            body = _contents(found.get("requestBody", {}))
            answer = _contents(found["responses"].get("200", {}))
            text = str(found.get("description") or found.get("summary", ""))
            yield Operation(found["operationId"], method.upper(), path, text, fields, body, answer)


def _group(path: str) -> str:
    return path.removeprefix(_BASE).partition("/")[0] if path.startswith(_BASE) else "health"


def _parameter(found: Mapping[str, Any]) -> Field:
    schema = found.get("schema", {})
    text = str(found.get("description") or schema.get("description", ""))
    return Field(found["name"], kind_of(schema), bool(found.get("required")), text, found["in"])


def _contents(found: Mapping[str, Any]) -> list[tuple[str, Kind]]:
    return [(kind, kind_of(content.get("schema", {}))) for kind, content in found.get("content", {}).items()]


def _shape(name: str, schema: Mapping[str, Any]) -> Shape:
    required = set(schema.get("required", ()))
    fields = [
        Field(each, kind_of(found), each in required, str(found.get("description", "")))
        for each, found in schema.get("properties", {}).items()
    ]
    choices = [shape for each in schema.get("oneOf", ()) if (shape := kind_of(each).shape) is not None]
    words = [str(each) for each in schema.get("enum", ())]
    return Shape(name, str(schema.get("description", "")), fields, choices, words)


def kind_of(schema: Mapping[str, Any]) -> Kind:
    """A schema in words."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(_PLACE)
        return Kind(name, name)
    if "const" in schema:
        return Kind(f'"{schema["const"]}"')
    if "enum" in schema:
        return Kind("one of " + ", ".join(map(str, schema["enum"])))
    if (made := _made_of_others(schema)) is not None:
        return made
    words = _WORDS.get(str(schema.get("type", "")), "anything")
    return Kind("bytes" if schema.get("format") == "binary" else words)


def _made_of_others(schema: Mapping[str, Any]) -> Kind | None:
    choices = [kind_of(each) for each in schema.get("anyOf", ())]
    if choices:
        shape = next((each.shape for each in choices if each.shape), None)
        return Kind(" or ".join(dict.fromkeys(each.words for each in choices)), shape)
    if schema.get("type") == "array":
        of = kind_of(schema.get("items", {}))
        return Kind(f"list of {of.words}", of.shape)
    if isinstance(schema.get("additionalProperties"), Mapping):
        of = kind_of(schema["additionalProperties"])
        return Kind(f"object of {of.words}", of.shape)
    return None
