"""Writes a JSON Schema for every event and version and for files of rules, and an AsyncAPI document of the topics.

`python -m schemas.publish [--check]`
"""

import json
import sys
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from schemas import asyncapi
from schemas.events import Event
from schemas.registry import EVENTS, FORMER
from schemas.rule_files import RuleFile

PUBLISHED = Path(__file__).parent / "published"


class _Untitled(GenerateJsonSchema):
    """A title that repeats the field's name helps nobody."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def documents() -> dict[str, str]:
    """The text of each file by its name."""
    events = {f"{event.name}.v{event.version}.json": _document(event) for event in (*EVENTS, *FORMER)}
    topics = asyncapi.document((*EVENTS, *FORMER))
    return events | {"alert-rules.v1.json": _file_of_rules(), "asyncapi.yaml": topics}


def differences(folder: Path) -> list[str]:
    """The names of files that are missing, outdated, or made by no event."""
    expected = documents()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.*")}
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def write(folder: Path) -> None:
    """Write every file; none is removed, since what is published stays."""
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` name those that differ."""
    if arguments == ["--check"]:
        names = differences(PUBLISHED)
        for name in names:
            print(f"schemas/published/{name} differs; run `python -m schemas.publish`", file=sys.stderr)
        return 1 if names else 0
    if arguments:
        print("usage: python -m schemas.publish [--check]", file=sys.stderr)
        return 2
    write(PUBLISHED)
    return 0


def _document(event: type[Event]) -> str:
    schema = event.model_json_schema(schema_generator=_Untitled)
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:runledger:{event.name}:v{event.version}",
        "title": event.type_name(),
    }
    return json.dumps(head | {key: schema[key] for key in schema if key != "title"}, indent=1) + "\n"


def _file_of_rules() -> str:
    """What `runledger alert apply` reads, for editors."""
    schema = RuleFile.model_json_schema(schema_generator=_Untitled)
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": "urn:runledger:alert-rules:v1", "title": "Alert rules"}
    return json.dumps(head | {key: schema[key] for key in schema if key != "title"}, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
