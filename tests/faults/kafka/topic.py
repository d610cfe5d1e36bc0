"""Asking about topics, and reading them whole, with nothing but a plain client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.kafka.rule import History, Raw


async def read_topic(servers: str, topic: str, history: History) -> History:
    """Fold every record that is in a topic now."""
    async with _consumer(servers) as consumer:
        spots = [TopicPartition(topic, number) for number in range(len(history.partitions))]
        consumer.assign(spots)
        ends = await consumer.end_offsets(spots)
        for spot in spots:
            consumer.seek(spot, 0)
        left = {spot for spot in spots if ends[spot]}
        while left:
            for spot, messages in (await consumer.getmany(*left, timeout_ms=1000)).items():
                history.read(
                    Raw(m.partition, m.offset, m.key, dict(m.headers), m.value or b"")
                    for m in messages
                    if m.offset < ends[spot]
                )
                if messages[-1].offset + 1 >= ends[spot]:
                    left.discard(spot)
    return history


async def leader_of(servers: str, topic: str) -> int:
    """The node that leads partition 0 of a topic; -1 for none."""
    return int((await _first_partition(servers, topic))["leader"])


async def copies_of(servers: str, topic: str) -> list[int]:
    """The nodes that keep a copy of it."""
    return list((await _first_partition(servers, topic))["replicas"])


async def _first_partition(servers: str, topic: str) -> dict[str, Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        found: dict[str, Any] = (await admin.describe_topics([topic]))[0]["partitions"][0]
        return found
    finally:
        await admin.close()


@asynccontextmanager
async def _consumer(servers: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 << 20,
        fetch_max_bytes=16 << 20,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
