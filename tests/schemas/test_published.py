"""The published JSON Schema files are what the classes say."""

import json
import re
from pathlib import Path

import yaml

from schemas import publish
from schemas.registry import EVENTS, FORMER
from schemas.vectors import make


def test_published_files_are_up_to_date() -> None:
    assert publish.differences(publish.PUBLISHED) == []


def test_every_version_has_a_file_with_an_id_of_its_own() -> None:
    ids = {json.loads(path.read_text(encoding="utf-8"))["$id"] for path in publish.PUBLISHED.glob("*.json")}

    events = {f"urn:runledger:{event.name}:v{event.version}" for event in (*EVENTS, *FORMER)}
    assert ids == events | {"urn:runledger:alert-rules:v1"}
    assert {"urn:runledger:run.warned:v1", "urn:runledger:run.warned:v2"} <= ids


def test_written_files_do_not_differ(tmp_path: Path) -> None:
    publish.write(tmp_path)

    assert publish.differences(tmp_path) == []


def test_missing_edited_and_strange_files_are_named(tmp_path: Path) -> None:
    publish.write(tmp_path)
    (tmp_path / "run.tagged.v1.json").unlink()
    (tmp_path / "run.started.v1.json").write_text("{}", encoding="utf-8")
    (tmp_path / "run.gone.v1.json").write_text("{}", encoding="utf-8")

    assert publish.differences(tmp_path) == ["run.gone.v1.json", "run.started.v1.json", "run.tagged.v1.json"]


def test_the_description_of_the_topics_names_every_event_and_file() -> None:
    described = yaml.safe_load((publish.PUBLISHED / "asyncapi.yaml").read_text(encoding="utf-8"))
    messages = described["components"]["messages"]
    channels = {name: set(channel["messages"]) for name, channel in described["channels"].items()}

    assert set(messages) == {event.type_name() for event in (*EVENTS, *FORMER)} == set.union(*channels.values())
    assert channels["values"] == {
        f"runledger.{name}.v1" for name in ("run.logged", "presence.reported", "ledger.created")
    }
    assert channels["events"] & channels["values"] == {"runledger.ledger.created.v1"}
    for name, message in messages.items():
        schema = json.loads((publish.PUBLISHED / message["payload"]["$ref"]).read_text(encoding="utf-8"))
        assert schema["title"] == name
    for envelope in make.envelopes()[:3]:
        headers = {name: (value or b"").decode() for name, value in envelope.record().headers}
        for name, rule in described["components"]["schemas"]["headers"]["properties"].items():
            assert re.search(rule.get("pattern", ""), headers[name]), name


def test_the_command_checks_without_writing() -> None:
    assert publish.main(["--check"]) == 0
    assert publish.main(["--chekc"]) == 2


def test_a_schema_says_what_must_be_there() -> None:
    schema = json.loads((publish.PUBLISHED / "run.tagged.v1.json").read_text(encoding="utf-8"))

    assert schema["required"] == ["key", "value"]
    assert schema["title"] == "runledger.run.tagged.v1"
    assert schema["properties"]["value"]["anyOf"][-1] == {"type": "null"}
