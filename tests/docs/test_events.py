"""The snippets of docs/events.md that read topics, run against topics that servers and strangers wrote to."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jq
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from examples.kafka_broker import KafkaBroker, free_ports
from examples.kafka_jars import CACHE, connect
from ledger.logs.genesis import genesis
from ledger.logs.log import chain
from ledger.store.database import Database, LogIdentity
from schemas.streams import CONTROL, VALUES
from tests.docs.blocks import ROOT
from tests.examples.reader.strange import first_event
from tests.ledger.conftest import now, open_kafka

TEXT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
_SECONDS = 90


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def block(kind: str, word: str) -> str:
    """The one block of a kind that holds a word."""
    (found,) = [each for each in blocks(kind) if word in each]
    return found


@dataclass(frozen=True)
class Topics:
    """A ledger on Kafka, and what our own reader makes of it."""

    servers: str
    name: str
    database: Database

    @property
    def control(self) -> str:
        return f"runledger.{self.name}.events.v1"

    def filled_in(self, snippet: str) -> str:
        return snippet.replace("BROKERS", self.servers).replace("NAME", self.name)


@pytest.fixture(scope="module")
def topics(kafka_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topics]:
    database = Database(tmp_path_factory.mktemp("ledger") / "ledger.db", durable=False)
    name = f"d{uuid4().hex[:10]}"
    thread = open_kafka(kafka_broker.address, name, database)
    try:
        for run in "abc":
            events = [first_event(f"run:{run}"), first_event(f"run:{run}")._replace(seq=2, value=b'{"n":2}')]
            thread.control.append(chain(thread.control.id, events))
            thread.values.append(chain(thread.values.id, [first_event(f"values:{run}:w")]))
        asyncio.run(_stranger(kafka_broker.address, f"runledger.{name}.events.v1"))
        thread.control.append(chain(thread.control.id, [first_event("run:last")]))
        thread.values.catch_up()
        yield Topics(kafka_broker.address, name, database)
    finally:
        thread.close()
        database.close()


async def _stranger(servers: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(topic, b"hello", key=b"a", partition=0)


async def _messages(topics: Topics) -> list[ConsumerRecord[bytes, bytes]]:
    spot = TopicPartition(topics.control, 0)
    async with AIOKafkaConsumer(bootstrap_servers=topics.servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([spot])
        consumer.seek(spot, 0)
        end = (await consumer.end_offsets([spot]))[spot]
        found: list[ConsumerRecord[bytes, bytes]] = []
        while await consumer.position(spot) < end:
            found += (await consumer.getmany(spot, timeout_ms=500)).get(spot, [])
        return found


def test_the_genesis_that_is_shown_is_one() -> None:
    (shown,) = blocks("json")
    value = json.loads(shown)
    identity = LogIdentity(VALUES, value["log_id"], value["partitions"])

    assert json.loads(genesis(identity, source="//x", actor="x", now=now).value) == value


def test_the_reader_in_python_comes_to_our_heads(topics: Topics) -> None:
    names: dict[str, Any] = {}
    exec(block("python", "class Partition"), names)  # noqa: S102 - it is the reader
    exec(block("py", "AIOKafkaConsumer"), names)  # noqa: S102

    heads: dict[str, tuple[int, str]] = {}
    for log, part in ((CONTROL, "events"), (VALUES, "values")):
        for each in asyncio.run(names["read"](topics.servers, f"runledger.{topics.name}.{part}.v1", log)):
            heads |= each.heads
            assert each.running == topics.database.progress(log, each.number).running

    assert heads == {stream: (head.seq, head.hash.hex()) for stream, head in topics.database.heads().items()}
    assert len(heads) == 9


def test_jq_makes_events_of_what_kcat_prints(topics: Topics) -> None:
    """Without kcat itself: the form of a record is that of kcat 1.7.1."""
    program = re.search(r"jq -c '(.*?)'", block("sh", "jq -c"), re.DOTALL)
    assert program is not None
    messages = asyncio.run(_messages(topics))
    lines = [json.dumps(_as_kcat(message)) for message in messages]
    found = [event for line in lines for event in jq.compile(program[1]).input_text(line).all()]

    assert [event["position"] for event in found] == [each.offset for each in messages if each.headers]
    assert {"position": 2, "stream": "run:a", "seq": "2", "type": "t.v1", "actor": "me"} in found
    assert len(messages) == len(found) + 1


def _as_kcat(message: ConsumerRecord[bytes, bytes]) -> dict[str, Any]:
    headers = [part for name, value in message.headers for part in (name, value.decode())]
    record = {"topic": message.topic, "partition": message.partition, "offset": message.offset, "broker": 1}
    record |= {"tstype": "logappend", "ts": message.timestamp} | ({"headers": headers} if headers else {})
    return record | {"key": (message.key or b"").decode(), "payload": (message.value or b"").decode()}


def test_kafka_connect_copies_every_value_void_ones_too(topics: Topics, tmp_path: Path) -> None:
    worker, sink = tmp_path / "worker.properties", tmp_path / "sink.properties"
    listener = f"listeners=http://127.0.0.1:{free_ports(1)[0]}\n"
    worker.write_text(topics.filled_in(block("properties", "bootstrap.servers")) + listener)
    sink.write_text(topics.filled_in(block("properties", "FileStreamSink")))
    values = [(message.value or b"").decode() for message in asyncio.run(_messages(topics))]

    with _running(connect(CACHE, worker, sink), tmp_path) as process:
        written = tmp_path / "events.jsonl"
        end = time.monotonic() + _SECONDS
        while not written.exists() or len(written.read_text().splitlines()) < len(values):
            assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
            assert time.monotonic() < end, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.1)

    assert written.read_text().splitlines() == values
    assert "hello" in values


@contextmanager
def _running(command: list[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()
