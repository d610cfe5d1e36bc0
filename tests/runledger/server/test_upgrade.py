"""A rolling upgrade: an old and a new server on one log, of which the new one writes what the old cannot read."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from examples.kafka_broker import KafkaBroker
from tests.runledger.cli.calling import call
from tests.runledger.server.running import Server, running

SECONDS = 60
NEWER = "tests.runledger.server.newer"


def heads(folder: Path) -> dict[str, tuple[int, str]]:
    with closing(sqlite3.connect(folder / ".runledger" / "ledger.db")) as connection:
        found = connection.execute("SELECT name, seq, hex(hash) FROM streams WHERE name NOT LIKE 'presence:%'")
        return {name: (seq, head) for name, seq, head in found}


def until_equal(one: Path, other: Path) -> dict[str, tuple[int, str]]:
    deadline = time.monotonic() + SECONDS
    while (found := heads(one)) != heads(other):
        assert time.monotonic() < deadline, "the servers do not agree"
        time.sleep(0.05)
    return found


def run_of(server: Server, run_id: str, position: int) -> dict[str, Any]:
    document: dict[str, Any] = server.get(f"/api/v1/runs/{run_id}?at_least={position}").json()
    return document


def test_an_old_and_a_new_server_agree_on_every_head_and_the_old_one_does_not_decide_on_what_it_cannot_read(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    log = f"kafka://{kafka_broker.address}/u{uuid4().hex[:12]}"
    old_folder, new_folder = tmp_path / "old", tmp_path / "new"
    with (
        running(old_folder, "--log", log) as old,
        running(new_folder, "--log", log, program=NEWER) as new,
    ):
        for run_id in ("pinned", "tagged", "plain"):
            assert old.send("start-run", run_id=run_id, experiment="e", tags={"first": run_id}).status == 200
        pinned = new.send("archive-run", run_id="pinned").json()["position"]
        tag = json.dumps({"type": "tag-run", "command": str(uuid4()), "run_id": "tagged", "tags": {"a": "b"}}).encode()
        tagged = new.ask("POST", "/api/v1/commands", tag).json()["position"]
        assert old.send("tag-run", run_id="plain", tags={"c": "d"}).status == 200

        agreed = until_equal(old_folder, new_folder)
        assert [agreed[f"run:{run_id}"][0] for run_id in ("pinned", "tagged", "plain")] == [2, 2, 2]

        # What it cannot read is in its history all the same, and is counted.
        history = old.get(f"/api/v1/runs/pinned/history?at_least={pinned}").json()
        assert [each["event"] for each in history] == ["runledger.run.started.v1", "runledger.run.pinned.v1"]
        assert run_of(old, "tagged", tagged)["tags"] == {"first": "tagged"}
        assert run_of(new, "tagged", tagged)["tags"] == {"first": "tagged", "a": "b"}
        # The new one reads former versions.
        assert run_of(new, "plain", tagged)["tags"] == {"first": "plain", "c": "d"}

        before = heads(old_folder)
        for run_id, type_name in (("pinned", "runledger.run.pinned.v1"), ("tagged", "runledger.run.tagged.v2")):
            refused = old.send("add-properties", run_id=run_id, properties={"author": "maria"})
            assert (refused.status, refused.json()["type"]) == (503, "urn:runledger:problem:newer-history")
            assert f"run:{run_id} holds an event that a newer version of runledger wrote ({type_name}" in str(
                refused.json()["detail"]
            )
        # What the new one did is not done again by the old one.
        assert old.ask("POST", "/api/v1/commands", tag).status == 503
        assert heads(old_folder) == before
        assert new.send("add-properties", run_id="pinned", properties={"author": "maria"}).status == 200
        assert new.ask("POST", "/api/v1/commands", tag).json() == {"position": tagged, "changed": True}
        assert old.send("change-status", run_id="plain", status="Completed").status == 200
        agreed = until_equal(old_folder, new_folder)
        old.stop()
        new.stop()

    status = {each["name"]: each["opaque"] for each in call("projection", "status", "-w", old_folder).json}
    assert status["runs"] == 2

    # Upgraded, it builds again what it had passed over, without being told to.
    with running(old_folder, program=NEWER) as upgraded:
        assert run_of(upgraded, "tagged", tagged)["tags"] == {"first": "tagged", "a": "b"}
        upgraded.stop()
    assert heads(old_folder) == agreed
