"""Both topics of a ledger, filled with what writers may leave: chains, losers, repeats, and what is nobody's."""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaProducer

from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.client import BATCH_BYTES
from ledger.logs.kafka.opening import Writer, kafka_logs
from ledger.store.database import Database, LogIdentity
from schemas.records import Envelope, Record
from schemas.streams import CONTROL, VALUES, LogName, partition_of, run_stream, values_stream

WRITER = Writer("//faults", "faults", lambda: datetime.now(UTC))
_STREAMS = 300
_A_BATCH = 50
_FOREIGN = Record(None, (("x", None),), b"not ours")


async def fill(address: KafkaAddress, folder: Path, records: int, dice: random.Random) -> None:
    """Make the topics and send so many records, two of three to the control log."""
    with closing(Database(folder / "filling.db", durable=False)) as database:
        async with kafka_logs(address, database, WRITER):
            identities = database.identities()
    servers = list(address.servers)
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=BATCH_BYTES) as producer:
        for name, count in ((CONTROL, records * 2 // 3), (VALUES, records // 3)):
            made = _records(identities[name], count, dice)
            batches: dict[int, list[Record]] = {}
            for partition, record in made:
                batch = batches.setdefault(partition, [])
                batch.append(record)
                if len(batch) == _A_BATCH:
                    await _send(producer, address.topic(name), partition, batches.pop(partition))
            for partition, batch in batches.items():
                await _send(producer, address.topic(name), partition, batch)


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: list[Record]) -> None:
    batch = producer.create_batch()
    for record in records:
        batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
    batch.close()
    await (await producer.send_batch(batch, topic, partition=partition))


def _records(identity: LogIdentity, count: int, dice: random.Random) -> Iterator[tuple[int, Record]]:
    """Records with the partition each is sent to; a tenth of them is void."""
    heads: dict[str, Envelope] = {}
    for number in range(count):
        stream = _stream(identity.name, dice.randrange(_STREAMS))
        partition = partition_of(stream, identity.partitions)
        head = heads.get(stream)
        event = _event(stream, head, identity.id, f"{identity.name}-{number}")
        match dice.randrange(30):
            case 0:
                yield partition, _FOREIGN
            case 1 if head is not None:
                yield partition, head.record()
            case 2:
                # Behind something that is not there: only a chain that is known says so.
                yield partition, event._replace(seq=event.seq + 1, prev=event.hash(identity.id).hex()).record()
            case _:
                heads[stream] = event
                record = event.record()
                yield partition, _traced(record) if number % 100 == 0 else record


def _stream(name: LogName, number: int) -> str:
    run = f"r{number}"
    return run_stream(run) if name == CONTROL else values_stream(run, "w")


def _event(stream: str, head: Envelope | None, log_id: str, id_: str) -> Envelope:
    seq, prev = (head.seq + 1, head.hash(log_id).hex()) if head else (1, "")
    return Envelope(stream, seq, prev, id_, "//faults", "faults.v1", "2026-11-23T10:00:00Z", "faults", b"{}" * 50)


def _traced(record: Record) -> Record:
    return Record(record.key, (*record.headers, ("traceparent", b"00-1")), record.value)
