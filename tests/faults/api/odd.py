"""Values that no description draws: halves of surrogate pairs, NUL, numbers beyond any, depth, in each field."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import islice
from typing import Any

import requests

from ledger.commands import Command, TagRun
from ledger.wire import COMMANDS
from tests.faults.api.fuzz import Found, Known

# As JSON text: not all of it is anything that Python would write.
ODD = (
    r'"\ud800"',
    r'"\u0000"',
    r'"\udc00\ud800 x"',
    '""',
    '"' + "x" * 20_000 + '"',
    '"' + "ß" * 300 + '"',
    "1" + "0" * 400,
    "-1",
    "1e400",
    "NaN",
    "-Infinity",
    "true",
    "null",
    "[]",
    "{}",
    "[" * 500 + "]" * 500,
    '{"a": {"$enc": ["k", "n", "c"]}}',
    '{"$enc": ["k", "n", "c"]}',
    r'{"\ud800": "x"}',
    r'{"": null}',
    '{"a": 1' + "0" * 400 + "}",
    r'["\u0000", "\ud800", ""]',
    '"9999-12-31T23:59:59.999999+14:00"',
    '"0001-01-01T00:00:00-14:00"',
    '"2030-01-01T00:00:00Z"',
)
_EVERYWHERE = frozenset(each.name for each in fields(Command)) | {"type"}
_PATHS = ("%00", "%ED%A0%80", "%FF", "..%2f..", "a%0Ab", "x" * 3_000, "%F0%9F%98%80", "-", "%20")
_QUERIES = ("%00", "%ED%A0%80", "1" + "0" * 400, "-1", "NaN", "", "true", "2030", "a%3D%25%3D", "x" * 3_000)
_LAST_IDS = ("0", "9" * 30, "-1", "1-x", "x", "\xff", "1-" + "a" * 100)


def try_odd(
    session: requests.Session, url: str, known: Known, description: Mapping[str, Any], *, every: int = 1
) -> Found:
    """Each odd value in each field of each command, and in each part of each path and query; or `every` so many."""
    found = Found()
    for body in islice(_bodies(description, known), 0, None, every):
        _send(found, session, "POST", f"{url}/api/v1/commands", body)
    for method, path in islice(_addresses(description, known), 0, None, every):
        _send(found, session, method, url + path, None if method == "GET" else "{}")
    for text in _LAST_IDS:
        _send(found, session, "GET", f"{url}/api/v1/stream?follow=false", None, {"Last-Event-ID": text})
    return found


def _bodies(description: Mapping[str, Any], known: Known) -> Iterator[str]:
    schemas = description["components"]["schemas"]
    for name, kind in COMMANDS.items():
        known_fields = schemas[kind.__name__]["properties"]
        usual = {
            each: json.dumps(_usual(each, known_fields[each], known)) for each in schemas[kind.__name__]["required"]
        } | {"type": json.dumps(name)}
        for each in known_fields if kind is TagRun else known_fields.keys() - _EVERYWHERE:
            for odd in ODD:
                texts = usual | {"command": f'"{uuid.uuid4()}"'} | {each: odd}
                yield "{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in texts.items()) + "}"


def _usual(name: str, schema: Mapping[str, Any], known: Known) -> Any:
    kind = schema.get("type")
    if name == "definition":
        return {"name": "r", "to": ["Failed"], "recipients": ["ada@example.org"]}
    if name == "matchers":
        return [{"attribute": "experiment", "operator": "=", "value": "x"}]
    return known.of(name) or {"object": {"a": "b"}, "array": ["a"], "integer": 1}.get(str(kind), "x")


def _addresses(description: Mapping[str, Any], known: Known) -> Iterator[tuple[str, str]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", ())
            inside = [each["name"] for each in parameters if each["in"] == "path"]
            plain = path
            for name in inside:
                plain = plain.replace(f"{{{name}}}", known.of(name) or "1")
            for name in inside:
                for odd in _PATHS:
                    aimed = path.replace(f"{{{name}}}", odd)
                    for other in inside:
                        aimed = aimed.replace(f"{{{other}}}", known.of(other) or "1")
                    yield method.upper(), aimed
            for name in (each["name"] for each in parameters if each["in"] == "query"):
                if name not in {"at_least", "values_at_least", "follow"}:
                    yield from ((method.upper(), f"{plain}?follow=false&{name}={odd}") for odd in _QUERIES)
                    yield from ((method.upper(), f"{plain}?{name}={odd}") for odd in _QUERIES if "stream" not in path)


def _send(
    found: Found,
    session: requests.Session,
    method: str,
    address: str,
    body: str | None,
    headers: Mapping[str, str] | None = None,
) -> None:
    found.cases += 1
    content = {} if body is None else {"Content-Type": "application/json"}
    where = f"{method} {address[:200]}"
    try:
        reply = session.request(
            method, address, data=body and body.encode(), headers={**content, **(headers or {})}, timeout=60
        )
    except requests.exceptions.RequestException as error:
        found.fail(where, type(error).__name__, (body or "")[:500])
        return
    found.statuses[reply.status_code] += 1
    kind = reply.headers.get("content-type", "").partition(";")[0]
    if reply.status_code >= 500 or "Traceback" in reply.text:
        found.fail(where, str(reply.status_code), f"{(body or '')[:500]}\n{reply.text[:500]}")
    elif reply.status_code >= 400 and kind != "application/problem+json":
        found.fail(where, f"{reply.status_code} as {kind}", reply.text[:300])
