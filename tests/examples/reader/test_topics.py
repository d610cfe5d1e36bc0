"""Topics as our own servers and strangers leave them: the reader in JavaScript and ours come to the same."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from examples.kafka_broker import KafkaBroker
from ledger.logs.log import chain
from ledger.store.database import Database
from runledger.recorded import head_documents
from schemas.records import Record
from schemas.streams import CONTROL, VALUES, LogName
from tests.examples.reader.node import read_topics
from tests.examples.reader.strange import every_oddity, first_event
from tests.ledger.conftest import open_kafka


def test_the_reader_in_javascript_comes_to_our_heads(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    name = f"r{uuid4().hex[:10]}"
    database = Database(tmp_path / "ledger.db", durable=False)
    thread = open_kafka(kafka_broker.address, name, database)
    try:
        for run in "abcdef":
            events = [first_event(f"run:{run}"), first_event(f"run:{run}")._replace(seq=2, value=b"\x00\xff")]
            thread.control.append(chain(thread.control.id, events))
            for writer in "vw":
                thread.values.append(chain(thread.values.id, [first_event(f"values:{run}:{writer}")]))
        asyncio.run(_strangers(kafka_broker.address, name))
        thread.control.append(chain(thread.control.id, [first_event("run:behind-the-strangers")]))
        thread.control.catch_up()
        thread.values.catch_up()
        lines = read_topics(kafka_broker.address, name)

        logs: tuple[tuple[LogName, int], ...] = ((CONTROL, 1), (VALUES, 8))
        heads = [line for line in lines if "stream" in line]
        assert sorted(heads, key=_place) == sorted(head_documents(database), key=_place)
        voids = {(log, void.partition, void.offset) for log, _ in logs for void in database.voids(log)}
        assert {(line["log"], line["partition"], line["offset"]) for line in lines if "void" in line} == voids
        progress = {(log, number): database.progress(log, number) for log, count in logs for number in range(count)}
        assert {(line["log"], line["partition"]): line["running"] for line in lines if "running" in line} == {
            place: each.running.hex() for place, each in progress.items()
        }
        assert len(voids) > 60
    finally:
        thread.close()
        database.close()


def _place(head: Mapping[str, Any]) -> tuple[str, str]:
    return head["log"], head["stream"]


async def _strangers(servers: str, name: str) -> None:
    """What must not be in the topics of a ledger and may be there all the same."""
    control, values = f"runledger.{name}.events.v1", f"runledger.{name}.values.v1"
    await _send(servers, control, [arrival.record for arrival in every_oddity()], 0)
    for partition in range(8):
        records = [first_event("values:stray:w").record(), first_event("log:late").record(), Record(b"", (), None)]
        await _send(servers, values, records, partition)
    for compression in ("gzip", "snappy", "lz4", "zstd"):
        events = [first_event(f"run:{compression}-{number}").record() for number in range(20)]
        await _send(servers, control, events, 0, compression_type=compression)
    await _send(servers, control, [first_event("run:aborted").record()], 0, transactional_id=f"{name}-stranger")


async def _send(servers: str, topic: str, records: Sequence[Record], partition: int, **options: Any) -> None:
    """Send them one after another; in a transaction that is given up if one is named."""
    transactional = "transactional_id" in options
    options = {"acks": "all", "linger_ms": 50, **options}
    async with AIOKafkaProducer(bootstrap_servers=servers, **options) as producer:
        if transactional:
            await producer.begin_transaction()
        for key, headers, value in records:
            await producer.send(topic, value, key=key, headers=list(headers), partition=partition)
        await producer.flush()
        if transactional:
            await producer.abort_transaction()
