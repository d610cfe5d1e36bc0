"""Reading a whole topic with nothing but a plain client."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.faults.history import Raw


async def read_topic(servers: str, topic: str) -> list[Raw]:
    """Every record of partition 0 but the first, which is the genesis."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        spot = TopicPartition(topic, 0)
        consumer.assign([spot])
        end = (await consumer.end_offsets([spot]))[spot]
        consumer.seek(spot, 1)
        records: list[Raw] = []
        while await consumer.position(spot) < end:
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                records += [Raw(m.offset, m.key, dict(m.headers), m.value or b"") for m in messages]
        return records
    finally:
        await consumer.stop()


async def send_unconfirmed(
    servers: str, topic: str, bursts: list[list[tuple[bytes, list[tuple[str, bytes]], bytes]]]
) -> None:
    """Send bursts one after another, each by a producer of its own, without looking at the log."""
    for burst in bursts:
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
        await producer.start()
        try:
            for key, headers, value in burst:
                await producer.send_and_wait(topic, value, key=key, headers=headers, partition=0)
        finally:
            await producer.stop()
