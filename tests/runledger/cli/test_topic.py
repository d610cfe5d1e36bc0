"""`runledger topic`: the topics of a ledger, before and beside its servers."""

from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import NewPartitions

from examples.kafka_broker import KafkaBroker
from runledger import Experiment, Workspace
from tests.ledger.logs.test_kafka import GOOD, admin, make_topic, send
from tests.runledger.cli.calling import call


@pytest.fixture
def address(kafka_broker: KafkaBroker) -> str:
    return f"kafka://{kafka_broker.address}/t{uuid4().hex[:10]}"


def names(address: str) -> list[str]:
    name = address.rpartition("/")[2]
    return [f"runledger.{name}.events.v1", f"runledger.{name}.values.v1"]


def test_a_dry_run_tells_what_would_be_made_and_makes_nothing(address: str, kafka_broker: KafkaBroker) -> None:
    planned = call("topic", "create", address, "--partitions", 3, "--dry-run")

    assert planned.code == 0
    assert [(row["topic"], row["partitions"], row["result"]) for row in planned.json] == [
        (names(address)[0], 1, "would be made"),
        (names(address)[1], 3, "would be made"),
    ]
    assert planned.json[1]["command"] == (
        f"kafka-topics.sh --bootstrap-server {kafka_broker.address} --create --topic {names(address)[1]} "
        "--partitions 3 --replication-factor 1 --config retention.ms=-1 --config retention.bytes=-1 "
        "--config cleanup.policy=delete --config message.timestamp.type=LogAppendTime --config min.insync.replicas=1"
    )
    assert call("topic", "check", address).code == 6
    assert [row["there"] for row in call("topic", "describe", address).json] == [False, False]


def test_topics_that_were_made_are_right_and_are_used(address: str, tmp_path: Path) -> None:
    made = call("topic", "create", address, "--partitions", 3)
    checked = call("topic", "check", address)
    before = call("topic", "describe", address).json
    call("init", tmp_path, "--log", address)
    with Workspace(tmp_path) as workspace:
        Experiment(workspace, "experiment").start_logging(run_id="r").complete()
    events, values = call("topic", "describe", "--data", tmp_path).json

    assert (made.code, [row["result"] for row in made.json]) == (0, ["made", "made"])
    assert (checked.code, checked.json) == (0, [])
    assert before[0]["trouble"] == "nothing was written to it yet"
    assert (events["recorded_partitions"], values["recorded_partitions"]) == (1, 3)
    assert events["log_id"] not in {None, values["log_id"]}
    assert events["partitions"][0]["end"] >= 3
    assert events["partitions"][0]["bytes"] > 0
    assert (events["partitions"][0]["leader"], events["partitions"][0]["in_sync"]) == (1, [1])
    assert events["settings"]["retention.ms"] == "-1"
    table = call("topic", "describe", "-w", tmp_path, "-o", "table").out
    assert f"log id {events['log_id']}" in table
    assert "made with 3 partition(s)" in table


def test_what_is_there_is_said_and_stays_as_it_is(address: str, kafka_broker: KafkaBroker) -> None:
    make_topic(kafka_broker.address, names(address)[0], GOOD | {"retention.ms": "1000"})

    made = call("topic", "create", address)
    again = call("topic", "create", address, "--partitions", 9)

    assert made.code == 6
    assert [row["result"] for row in made.json] == ["there", "made"]
    assert f"{names(address)[0]} is there and stays as it is: retention.ms=1000 (it must be -1)" in made.err
    assert "it has 8 partition(s), not 9, and keeps them for good" in again.err
    (wrong,) = call("topic", "check", address).json
    assert (wrong["topic"], wrong["level"]) == (names(address)[0], "fail")
    assert wrong["command"].endswith(f"--entity-name {names(address)[0]} --add-config retention.ms=-1")


def test_a_topic_of_somebody_else_is_described_as_such(address: str, kafka_broker: KafkaBroker) -> None:
    make_topic(kafka_broker.address, names(address)[0], GOOD)
    send(kafka_broker.address, names(address)[0], (b"k", b"hello", []))

    described = call("topic", "describe", address).json[0]
    checked = call("topic", "check", address)

    assert described["log_id"] is None
    assert "not a ledger's" in described["trouble"]
    assert checked.code == 6
    assert "not a ledger's" in checked.json[0]["problem"]


def test_partitions_that_were_added_are_named(address: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    call("topic", "create", address, "--partitions", 2)
    call("init", tmp_path, "--log", address)
    assert call("run", "list", "-w", tmp_path).code == 0
    admin(kafka_broker.address, lambda client: client.create_partitions({names(address)[1]: NewPartitions(3)}))

    (wrong,) = call("topic", "check", "-w", tmp_path).json

    assert (wrong["topic"], wrong["command"]) == (names(address)[1], None)
    assert "3 partition(s), and it was made with 2" in wrong["problem"]


def test_a_workspace_without_topics_says_so(empty: Path) -> None:
    refused = call("topic", "check", "-w", empty)

    assert refused.code == 1
    assert "is a SQLite file and has no topics" in refused.err


def test_a_server_knows_its_topics_and_we_do_not() -> None:
    refused = call("topic", "check", "-w", "http://127.0.0.1:1")

    assert refused.code == 1
    assert "Name their address" in refused.err


def test_a_cluster_that_does_not_answer_is_an_exit_code() -> None:
    assert call("topic", "describe", "kafka://127.0.0.1:9/nobody").code == 5
    assert call("topic", "describe", "kafka:/nonsense").code == 1
