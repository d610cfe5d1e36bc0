"""The same commands, on a workspace whose log is a Kafka topic."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from runledger import Experiment, Workspace
from tests.runledger.cli.calling import call


@pytest.fixture
def on_kafka(tmp_path: Path, kafka_broker: KafkaBroker) -> Path:
    """A workspace with one run, on topics of its own."""
    address = f"kafka://{kafka_broker.address}/cli-{uuid4().hex[:12]}"
    assert call("init", tmp_path, "--log", address).json["log"] == address
    with Workspace(tmp_path) as workspace:
        Experiment(workspace, "experiment").start_logging(run_id="first", tags={"quality": "good"}).complete()
    return tmp_path


def test_commands_work_alike(on_kafka: Path) -> None:
    assert call("run", "tag", "-r", "first", "again", "-w", on_kafka).json["tags"] == {"quality": "good", "again": None}
    (run,) = call("run", "list", "-w", on_kafka, "--query", "[?tags.quality=='good']").json
    assert (run["run_id"], run["status"]) == ("first", "Completed")
    lines = call("events", "tail", "-w", on_kafka, "-o", "table").out.splitlines()
    assert lines[-1].endswith("again")
    assert call("events", "void", "-w", on_kafka).json == []
    assert call("projection", "status", "-w", on_kafka).json[0]["lag"] == 0
    assert call("projection", "rebuild", "-w", on_kafka).code == 0
    assert call("run", "show", "-r", "nobody", "-w", on_kafka).code == 3


def test_a_replica_is_checked_without_the_broker(on_kafka: Path) -> None:
    config = on_kafka / ".runledger" / "config.toml"
    call("run", "list", "-w", on_kafka)
    config.write_text('log = "kafka://127.0.0.1:9/nobody"\n')
    assert call("run", "list", "-w", on_kafka).code == 5
    unreachable = call("verify", "-w", on_kafka)
    assert (unreachable.code, "--replica-only checks ledger.db" in unreachable.err) == (5, True)
    done = call("verify", "-w", on_kafka, "--replica-only")
    assert (done.code, done.json["topics"]) == (0, None)
    assert {log["log"] for log in done.json["logs"]} == {"control", "values"}


def test_a_replay_has_every_event_and_point_of_the_topics(on_kafka: Path) -> None:
    with Workspace(on_kafka) as workspace:
        for number in range(3):
            with Experiment(workspace, "experiment").start_logging(run_id=f"r{number}", snapshot_directory=None) as run:
                run.log("loss", number)
    done = call("replay", "-w", on_kafka, "-o", on_kafka / "lake")
    assert (done.json["points"], done.json["runs"]) == (3, 4), done.err
    piped = call("replay", "-w", on_kafka, "-o", "-", "--table", "metrics").out
    points = [json.loads(line) for line in piped.splitlines()]
    assert {(point["run_id"], point["value"]) for point in points} == {(f"r{number}", number) for number in range(3)}
    assert len({point["partition"] for point in points}) > 1
    assert len(list((on_kafka / "lake" / "events").rglob("*.parquet"))) == 1
