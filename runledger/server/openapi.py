"""The description of the API, as far as FastAPI cannot read it off the routes."""

from typing import Any

from fastapi import FastAPI, Response
from pydantic import TypeAdapter

from ledger.wire import COMMANDS
from runledger.server.messages import BULK_COMMANDS, MAIL, BatchMessage, PresenceMessage, PreviewMessage, TableMessage
from runledger.server.replies import ARROW, JSON, PROBLEM_JSON

_PLACE = "#/components/schemas/"

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; further members say what the kind of error holds.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong",
        "content": {PROBLEM_JSON: {"schema": {"$ref": f"{_PLACE}Problem"}}},
    }
}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


_UUIDS = frozenset({"command", "rule_id", "silence_id", "token_id", "view_id"})
_COMMANDS = {"type": "array", "minItems": 1, "maxItems": BULK_COMMANDS, "items": {"$ref": f"{_PLACE}Command"}}

COMMAND_BODY = _body({"$ref": f"{_PLACE}Command"})
BATCH_BODY = _body({"$ref": f"{_PLACE}BatchMessage"})
PRESENCE_BODY = _body({"$ref": f"{_PLACE}PresenceMessage"})
PREVIEW_BODY = _body({"$ref": f"{_PLACE}PreviewMessage"})
TABLE_BODY = _body({"$ref": f"{_PLACE}TableMessage"})
MAIL_BODY = {"requestBody": {"required": True, "content": {MAIL: {"schema": {"type": "string", "format": "binary"}}}}}
BULK_BODY = _body({"type": "object", "required": ["commands"], "properties": {"commands": _COMMANDS}})


def _replies(content: dict[str, Any], what: str) -> dict[str, Any]:
    """What a route answers with that is no model; the plain class declares no JSON beside it."""
    return {
        "response_model": None,
        "response_class": Response,
        "responses": {200: {"description": what, "content": content}},
    }


_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

FILE_BODY: dict[str, Any] = {"openapi_extra": {"requestBody": {"required": True, "content": _BYTES}}}
OUTPUT_REPLY = _replies(_BYTES, "The bytes")
FILE_REPLY = _replies(
    {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "The bytes, of whatever type they are"
)
_EVENT = {
    "type": "object",
    "description": "An event: `data` is JSON that says what happened, `id` where to resume.",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer"},
    },
}
TABLE_REPLY = _replies({ARROW: {"schema": {"type": "string", "format": "binary"}}}, "An Arrow stream")
STREAM_REPLY = _replies({"text/event-stream": {"schema": _EVENT}}, "Events, each of which is")
TEXT_REPLY = _replies({"text/plain": {"schema": {"type": "string"}}}, "Text")
_RESULT = {
    "oneOf": [
        {"$ref": f"{_PLACE}Answer"},
        {
            "type": "object",
            "required": ["problem"],
            "properties": {"problem": {"$ref": f"{_PLACE}Problem"}},
            "additionalProperties": False,
        },
    ]
}
_RESULTS = {
    "type": "object",
    "required": ["results"],
    "properties": {"results": {"type": "array", "items": _RESULT}},
    "additionalProperties": False,
}
BULK_REPLY = _replies({JSON: {"schema": _RESULTS}}, "What became of each, in order")


def add_schemas(app: FastAPI) -> None:
    """Describe commands and problems beside what FastAPI finds itself."""
    found = app.openapi

    def described() -> dict[str, Any]:
        description = found()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for operation in (each for path in description["paths"].values() for each in path.values()):
            operation["responses"].pop("422", None)
        schemas.update(_command_schemas(), **_body_schemas(), Problem=_PROBLEM)
        return description

    app.openapi = described  # type: ignore[method-assign]  # the way that FastAPI documents


def _command_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for name, kind in COMMANDS.items():
        schema = TypeAdapter(kind).json_schema(ref_template=_PLACE + "{model}")
        schemas |= schema.pop("$defs", {})
        schema["properties"] = {"type": {"const": name}} | schema["properties"]
        for key in _UUIDS & schema["properties"].keys():
            schema["properties"][key]["format"] = "uuid"
        schema["required"] = ["type", "command", *schema.get("required", [])]
        schema["additionalProperties"] = False
        schemas[kind.__name__] = schema
    places = {name: f"{_PLACE}{kind.__name__}" for name, kind in COMMANDS.items()}
    schemas["Command"] = {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "type", "mapping": places},
    }
    return schemas


def _body_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in (BatchMessage, PresenceMessage, PreviewMessage, TableMessage):
        # Parts of what is sent may have the names of what is answered, and be something else.
        schema = model.model_json_schema(ref_template=_PLACE + "Sent{model}")
        parts = schema.pop("$defs", {})
        schemas |= {model.__name__: schema, **{f"Sent{name}": part for name, part in parts.items()}}
    return schemas
