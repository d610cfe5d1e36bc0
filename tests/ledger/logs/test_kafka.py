"""The Kafka log: what it refuses, what it survives."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.record.util import calc_crc32c

from examples.kafka_broker import KafkaBroker
from ledger.commands import StartRun, TagRun
from ledger.errors import LogRefusedError, UnavailableError, UnknownOutcomeError, WorkspaceError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.topics import TopicFacts, problems, settings_for
from ledger.store.database import Database
from ledger.verify import verify
from tests.ledger.conftest import CALLER, Open, open_kafka
from tests.ledger.logs.test_contract import links

GOOD = settings_for(1)


@pytest.fixture
def name() -> str:
    return f"k{uuid4().hex[:10]}"


def admin(servers: str, work: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        client = AIOKafkaAdminClient(bootstrap_servers=servers)
        await client.start()
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


def make_topic(servers: str, topic: str, settings: dict[str, str], partitions: int = 1) -> None:
    admin(servers, lambda client: client.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)]))


def send(servers: str, topic: str, *messages: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
    async def run() -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
            for key, value, headers in messages:
                await producer.send_and_wait(topic, value, key=key, headers=headers, partition=0)

    asyncio.run(run())


def database(tmp_path: Path, file: str = "replica.db") -> Database:
    return Database(tmp_path / file, durable=False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (GOOD | {"retention.ms": "604800000"}, "retention.ms=604800000"),
        (GOOD | {"retention.bytes": "1000000"}, "retention.bytes=1000000"),
        (GOOD | {"cleanup.policy": "compact"}, "cleanup.policy=compact"),
        (GOOD | {"message.timestamp.type": "CreateTime"}, "message.timestamp.type=CreateTime"),
    ],
)
def test_a_topic_that_could_lose_history_is_refused(
    settings: dict[str, str], said: str, name: str, kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    make_topic(kafka_broker.address, f"runledger.{name}.events.v1", settings)

    with pytest.raises(LogRefusedError, match=said):
        open_kafka(kafka_broker.address, name, database(tmp_path))


def test_a_control_topic_with_two_partitions_is_refused(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    make_topic(kafka_broker.address, f"runledger.{name}.events.v1", GOOD, partitions=2)

    with pytest.raises(LogRefusedError, match=r"2 partition\(s\)"):
        open_kafka(kafka_broker.address, name, database(tmp_path))


def test_partitions_added_to_the_values_topic_are_refused(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    open_kafka(kafka_broker.address, name, database(tmp_path)).close()
    topic = f"runledger.{name}.values.v1"
    admin(kafka_broker.address, lambda client: client.create_partitions({topic: NewPartitions(9)}))

    with pytest.raises(LogRefusedError, match=r"9 partition\(s\) and was made with 8"):
        open_kafka(kafka_broker.address, name, database(tmp_path))


def test_a_topic_of_somebody_else_is_refused(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    topic = f"runledger.{name}.events.v1"
    make_topic(kafka_broker.address, topic, GOOD)
    send(kafka_broker.address, topic, (b"k", b"hello", []))

    with pytest.raises(LogRefusedError, match="not a ledger's"):
        open_kafka(kafka_broker.address, name, database(tmp_path))


def test_with_three_brokers_two_must_have_it() -> None:
    facts = TopicFacts("t", 1, 3, 3, GOOD)

    assert problems(facts, 1) == ["min.insync.replicas=1 (with 3 brokers it must be at least 2)"]
    assert problems(TopicFacts("t", 1, 3, 3, settings_for(3)), 1) == []


def test_foreign_records_are_void_listed_and_stop_nobody(kafka_parts: Open, kafka_broker: KafkaBroker) -> None:
    parts = kafka_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    parts.control.catch_up()
    topic = topic_of(parts.control)
    send(
        kafka_broker.address,
        topic,
        (None, b"hello", []),
        (b"r", None, [("ce_id", b"x")]),
        (b"r", b"{}", [("ce_stream", b"run:r"), ("ce_stream", b"run:r")]),
    )
    ledger.handle(TagRun(run_id="r", tags={"after": None}), CALLER)

    voids = parts.database.voids()

    assert [void.offset for void in voids] == [3, 4, 5]
    assert voids[0].record.value == b"hello"
    assert voids[1].record.headers == (("ce_id", b"x"),)
    assert "after" in ledger.run("r").tags
    report = verify(parts.database)[0]
    assert (report.broken, report.voids) == (None, 3)
    other = kafka_parts()
    other.control.catch_up()
    assert verify(other.database)[0].running == report.running


def topic_of(log: Any) -> str:
    topic = log._log._topic
    assert isinstance(topic, str)
    return topic


def test_a_header_whose_name_is_no_utf8_stops_nobody(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Anybody may write one; it is kept byte by byte, void or accepted by the same rule as all others."""
    reading = database(tmp_path)
    thread = open_kafka(kafka_broker.address, name, reading)
    try:
        first = links(thread.control, "run:a")
        thread.control.append(first)
        strange = links(thread.control, "run:b")[0].envelope.record()
        odd = [*strange.headers, ("zzzz", b"1")]
        asyncio.run(_send_with_a_name(kafka_broker.address, f"runledger.{name}.events.v1", [
            (b"x", b"{}", [("zzzz", b"1")]), (strange.key, strange.value, odd), (b"y", b"{}", []),
        ]))  # fmt: skip
        thread.control.append(links(thread.control, "run:c"))
        thread.control.catch_up()

        assert [void.record.headers for void in reading.voids()] == [(("\udcff\udcfezz", b"1"),), ()]
        (accepted,) = reading.stream_events("run:b")
        assert accepted.headers is not None
        assert accepted.headers[-1] == ("\udcff\udcfezz", b"1")
        assert verify(reading)[0].broken is None
    finally:
        thread.close()
        reading.close()


async def _send_with_a_name(servers: str, topic: str, messages: list[tuple[Any, Any, Any]]) -> None:
    """One batch in which the header `zzzz` has another name, of bytes that are no UTF-8."""
    async with AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=False) as producer:
        batch = producer.create_batch()
        for key, value, headers in messages:
            batch.append(timestamp=None, key=key, value=value, headers=headers)
        buffer = bytearray(batch._build().replace(b"zzzz", b"\xff\xfezz"))
        # The checksum stands at byte 17, and is over all behind it (KIP-98).
        buffer[17:21] = calc_crc32c(bytes(buffer[21:])).to_bytes(4, "big")
        batch._buffer = bytes(buffer)
        await (await producer.send_batch(batch, topic, partition=0))


def test_the_end_of_a_strangers_transaction_stops_nobody(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """It takes an offset of the log, and no reader is ever given a record for it."""
    replica = database(tmp_path)
    thread = open_kafka(kafka_broker.address, name, replica)
    topic = f"runledger.{name}.events.v1"
    asyncio.run(transact(kafka_broker.address, topic))
    thread.control.catch_up()
    assert (replica.progress("control").next_offset, replica.count_voids()) == (2, 1)
    thread.close()
    thread = open_kafka(kafka_broker.address, name, replica)
    thread.control.catch_up()
    assert thread.control.append(links(thread.control, "run:a")) == [3]
    assert verify(replica)[0].broken is None
    thread.close()
    replica.close()


async def transact(servers: str, topic: str) -> None:
    """One record in a transaction, and its end: two offsets behind the genesis."""
    async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id=topic) as producer:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"hello", key=b"x", partition=0)
        spot = TopicPartition(topic, 0)
        async with AIOKafkaConsumer(bootstrap_servers=servers) as consumer:
            while (await consumer.end_offsets([spot]))[spot] < 3:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.05)


def test_a_topic_that_was_made_anew_is_refused(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    replica = database(tmp_path)
    open_kafka(kafka_broker.address, name, replica).close()
    topics = [f"runledger.{name}.events.v1", f"runledger.{name}.values.v1"]
    admin(kafka_broker.address, lambda client: client.delete_topics(topics))
    wait_until_gone(kafka_broker.address, topics)

    with pytest.raises(LogRefusedError, match="made anew"):
        open_kafka(kafka_broker.address, name, replica)


def wait_until_gone(servers: str, topics: list[str]) -> None:
    end = time.monotonic() + 10
    while set(admin(servers, lambda client: client.list_topics())) & set(topics):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_log_whose_beginning_was_deleted_is_refused(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    thread = open_kafka(kafka_broker.address, name, database(tmp_path))
    thread.control.append(links(thread.control, "run:a", count=5))
    thread.close()
    spot = TopicPartition(f"runledger.{name}.events.v1", 0)
    admin(kafka_broker.address, lambda client: client.delete_records({spot: RecordsToDelete(before_offset=3)}))

    with pytest.raises(LogRefusedError, match=r"lost its first record|shorter"):
        open_kafka(kafka_broker.address, name, database(tmp_path, "other.db"))


def test_a_broker_that_is_not_there_is_named_within_the_deadline(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    began = time.monotonic()

    with pytest.raises(UnavailableError, match=f"no Kafka broker answers at kafka://{address}/nobody"):
        open_kafka(address, "nobody", database(tmp_path))
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    "address",
    [
        "kafka://",
        "kafka://h/n",
        "kafka://h:9092",
        "kafka://h:9092/",
        "kafka://h:x/n",
        "kafka://h:1,/n",
        "h:1/n",
    ],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(WorkspaceError, match="kafka://HOST:PORT"):
        parse_address(address)


def test_an_address_names_brokers_and_ledger() -> None:
    address = parse_address("kafka://h1:9092,[::1]:9093/team-a")

    assert address.servers == ("h1:9092", "[::1]:9093")
    assert address.topic("control") == "runledger.team-a.events.v1"
    assert address.topic("values") == "runledger.team-a.values.v1"
    assert str(address) == "kafka://h1:9092,[::1]:9093/team-a"


def test_a_frozen_broker_leaves_the_outcome_in_doubt_and_the_same_command_finds_out(
    kafka_parts: Open, kafka_broker: KafkaBroker
) -> None:
    parts = kafka_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    command = TagRun(run_id="r", tags={"in": "doubt"})
    kafka_broker.freeze()
    try:
        with pytest.raises(UnknownOutcomeError, match="same command id"):
            ledger.handle(command, CALLER)
    finally:
        kafka_broker.thaw()
    ledger.handle(command, CALLER)
    ledger.handle(command, CALLER)

    assert ledger.run("r").tags == {"in": "doubt"}
    assert len(parts.database.stream_events("run:r")) == 2


def test_a_broker_that_was_killed_and_restarted_has_lost_nothing(kafka_parts: Open, kafka_broker: KafkaBroker) -> None:
    parts = kafka_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    for number in range(20):
        ledger.handle(TagRun(run_id="r", tags={f"before-{number}": None}), CALLER)
    kafka_broker.kill()
    kafka_broker.restart()
    end = time.monotonic() + 30
    command = TagRun(run_id="r", tags={"after": None})
    while True:
        try:
            ledger.handle(command, CALLER)
            break
        except UnavailableError:
            assert time.monotonic() < end

    assert len(ledger.run("r").tags) == 21
    assert verify(parts.database)[0].broken is None


def test_two_processes_may_fill_one_replica(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Two tails on one file: whoever is first folds, the other goes on behind it."""
    one_file, other_file = database(tmp_path), database(tmp_path)
    one = open_kafka(kafka_broker.address, name, one_file)
    other = open_kafka(kafka_broker.address, name, other_file)
    try:
        for number in range(50):
            thread = (one, other)[number % 2]
            thread.control.append(links(thread.control, f"run:{number}", count=2))
        one.control.catch_up()
    finally:
        one.close()
        other.close()

    report = verify(one_file)[0]
    assert (report.broken, report.events) == (None, 101)
