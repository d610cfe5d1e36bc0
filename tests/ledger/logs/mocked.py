"""A ledger on the mock cluster: the parts of `ledger.logs.kafka.opening`, with what the mock cannot say handed over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from confluent_kafka import Consumer as IndependentConsumer
from confluent_kafka import KafkaError, TopicPartition

from ledger.logs.kafka import opening
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.client import Connection, Producer, batch_limit
from ledger.logs.kafka.consumer import consuming
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.opening import KafkaLogs, Writer
from ledger.logs.kafka.sender import Neighbours, Sender
from ledger.logs.kafka.standing import Standing
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.topics import TopicFacts, settings_for
from ledger.logs.kafka.waiters import Waiters
from ledger.store.database import Database
from schemas.streams import CONTROL, VALUES, LogName
from tests.ledger.conftest import CALLER, now
from tests.ledger.logs.mock_cluster import MockCluster

PARTITIONS: dict[LogName, int] = {CONTROL: 1, VALUES: 2}
# The mock answers a fetch only then.
FETCH_WAIT = 10
SOON = 0.4
"""The deadline of an append that cannot be answered, in seconds."""


@dataclass
class Mocked:
    """A ledger on the mock; `limits` is what the topics take by now, by name."""

    cluster: MockCluster
    logs: KafkaLogs
    connection: Connection
    limits: dict[str, int]
    database: Database

    @property
    def control(self) -> KafkaLog:
        return self.logs.control

    @property
    def topic(self) -> str:
        return self.connection.address.topic(CONTROL)

    @property
    def replacements(self) -> int:
        return self.logs.producer.replacements

    def stored(self) -> list[bytes]:
        """The values of all records of the control topic, as another client reads them."""
        return read_independently(self.cluster.address, self.topic)

    async def damage(self) -> None:
        """Store a batch of which one byte was changed on the way: the mock looks at no checksum."""
        async with AIOKafkaProducer(bootstrap_servers=self.cluster.address, enable_idempotence=False) as producer:
            batch = producer.create_batch()
            batch.append(timestamp=None, key=b"k", value=b"value")
            buffer = bytearray(batch._build())
            buffer[-3] ^= 1
            batch._buffer = bytes(buffer)
            await (await producer.send_batch(batch, self.topic, partition=0))


@asynccontextmanager
async def mocked(
    cluster: MockCluster, folder: Path, *, delivery_seconds: float = 3.0, request_seconds: float = 5.0
) -> AsyncIterator[Mocked]:
    """A ledger on topics of its own."""
    name = f"m{uuid4().hex[:10]}"
    connection = Connection(parse_address(f"kafka://{cluster.address}/{name}"), request_seconds)
    facts = {log: _facts(connection.address.topic(log), count) for log, count in PARTITIONS.items()}
    for fact in facts.values():
        cluster.make_topic(fact.name, fact.partitions)
    limits = {fact.name: batch_limit(fact) for fact in facts.values()}
    database = Database(folder / f"{name}.db", durable=False)
    producer, writer = Producer(connection), Writer(CALLER.source, CALLER.actor, now)
    try:
        async with consuming(connection, wait=FETCH_WAIT) as ends, consuming(connection, wait=FETCH_WAIT) as reader:
            identities = {log: await opening._identity(ends, producer, facts, log, database, writer) for log in facts}
            opening._pin(database, identities)
            waiters = Waiters(asyncio.get_running_loop())
            tail = Tail(database, opening._Topics(facts, identities).partitions(), waiters)
            standing = Standing(waiters.fail_all)

            async def batch_limit_now(topic: str) -> int:
                return limits[topic]

            read_to_end = partial(opening._read_to_end, ends, tail, waiters)
            # What the mock acknowledges has not the time that is read: all is answered by the tail.
            neighbours = Neighbours(lambda *_: None, batch_limit_now, read_to_end)
            sender = Sender(producer, limits, waiters, neighbours, delivery_seconds=delivery_seconds)
            control, values = (
                KafkaLog(
                    identities[log],
                    facts[log].name,
                    sender=sender,
                    tail=tail,
                    waiters=waiters,
                    database=database,
                    ends=ends,
                    standing=standing,
                )
                for log in facts
            )
            logs = KafkaLogs(control, values, producer, tail)
            works = (sender.run, lambda: opening._tail(logs, reader), lambda: opening._measure(logs))
            async with opening._running(standing, works):
                yield Mocked(cluster, logs, connection, limits, database)
    finally:
        cluster.behave()
        await producer.drop()
        await connection.settle()
        database.close()


def _facts(topic: str, partitions: int) -> TopicFacts:
    return TopicFacts(topic, partitions, replicas=1, brokers=1, settings=settings_for(1))


def read_independently(servers: str, *topics: str) -> list[bytes]:
    """The values of all records of these topics, from their first to their last, by another client."""
    consumer = IndependentConsumer(
        {
            "bootstrap.servers": servers,
            "group.id": uuid4().hex,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": FETCH_WAIT,
        }
    )
    found: list[bytes] = []
    unread = set(topics)
    try:
        consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
        while unread:
            message = consumer.poll(10)
            if message is None:
                raise AssertionError(f"the end of {unread} was not reached")
            error = message.error()
            if error is None:
                found.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.topic() or "")
            else:
                raise AssertionError(error)
    finally:
        consumer.close()
    return found


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it is no event of ours
            await asyncio.sleep(0.02)
