"""A server whose topics are tampered with: it writes nothing more, says why everywhere, and does not start again."""

import time
from pathlib import Path
from uuid import uuid4

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from examples.kafka_broker import KafkaBroker
from tests.ledger.logs.test_kafka import GOOD, admin
from tests.runledger.server.running import Reply, Server, running, start

SECONDS = 60


def test_a_server_whose_topics_are_tampered_with_answers_questions_alone(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    name = f"s{uuid4().hex[:12]}"
    topic = f"runledger.{name}.events.v1"
    with running(tmp_path / "data", "--log", f"kafka://{kafka_broker.address}/{name}") as server:
        assert server.send("start-run", run_id="r", experiment="e").status == 200
        set_retention(kafka_broker, topic, "1000")
        reason = until_ready(server, ready=False)
        assert f"topic {topic} could lose history and is not used: retention.ms=1000 (it must be -1)" in reason
        assert_refused(server.send("tag-run", run_id="r", tags={"a": "b"}), reason)
        set_retention(kafka_broker, topic, "-1")
        until_ready(server, ready=True)
        assert server.send("tag-run", run_id="r", tags={"c": "d"}).status == 200

        spot = TopicPartition(topic, 0)
        admin(kafka_broker.address, lambda client: client.delete_records({spot: RecordsToDelete(before_offset=2)}))
        reason = until_ready(server, ready=False)
        assert f"topic {topic} partition 0 begins at offset 2 and must begin at 0" in reason
        assert_refused(server.send("tag-run", run_id="r", tags={"e": "f"}), reason)
        assert server.get("/api/v1/runs/r").json()["tags"] == {"c": "d"}
        assert server.get("/livez").status == 200
        assert server.stop() == 0
        assert server.process.stderr is not None
        said = server.process.stderr.read()
    assert "nothing is written until this is put right: topic" in said
    assert f"nothing is written any more: {reason}" in said

    again = start(tmp_path / "data")
    out, said = again.communicate(timeout=SECONDS)
    assert (again.returncode, out) == (1, "")
    assert f"topic {topic} partition 0 begins at offset 2 and must begin at 0" in said


def set_retention(broker: KafkaBroker, topic: str, value: str) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=GOOD | {"retention.ms": value})
    admin(broker.address, lambda client: client.alter_configs([resource]))


def until_ready(server: Server, *, ready: bool) -> str:
    """Wait until /readyz says so; the reason, if not."""
    deadline = time.monotonic() + SECONDS
    while ((reply := server.get("/readyz")).status == 200) is not ready:
        assert time.monotonic() < deadline, reply.body
        time.sleep(0.1)
    return "" if ready else str(reply.json()["detail"])


def assert_refused(reply: Reply, reason: str) -> None:
    assert (reply.status, reply.headers["content-type"]) == (503, "application/problem+json")
    assert (reply.json()["type"], reply.json()["detail"]) == ("urn:runledger:problem:log-stopped", reason)
