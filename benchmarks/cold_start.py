"""Cold start: a replica filled from topics that are full, and where the processor's time goes."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple
from uuid import uuid4

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.events import now, tag_links
from benchmarks.result import Result
from examples.kafka_broker import KafkaBroker
from ledger.logs.kafka.address import KafkaAddress, parse_address
from ledger.logs.kafka.client import BATCH_BYTES, Connection
from ledger.logs.kafka.consumer import FETCH_BYTES, consuming
from ledger.logs.kafka.opening import Writer, kafka_logs
from ledger.store.database import Database
from ledger.store.fold import Arrival, Head, Partition, Progress, fold
from schemas.records import Record

_EVENTS = 240_000
_EVENTS_A_RUN = 20
_RUNS_AT_ONCE = 200
_A_BATCH = 200
_ROUNDS = 3
_GOAL = 60_000
_WRITER = Writer("//bench/runledger", "bench", now)

NOTES = """
Figures are of the processor's time of the reading process alone (the broker's is not in them), so a busy machine
changes them little: events a second of one core.
"""


class Spent(NamedTuple):
    """What reading all events took, in seconds."""

    processor: float
    clock: float

    @property
    def rate(self) -> float:
        """Events a second of the processor's time."""
        return _EVENTS / self.processor


def run() -> list[Result]:
    """One full control topic, read from its beginning in four ways, in turns."""
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        address = parse_address(f"kafka://{broker.address}/cold")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(measure(address, Path(folder)))


async def measure(address: KafkaAddress, folder: Path, rounds: int = _ROUNDS) -> list[Result]:
    """Fill the topics of a ledger and read them."""
    log_id = await fill(address, folder)
    ways: dict[str, Callable[[], Awaitable[None]]] = {
        "raw": lambda: _read_raw(address),
        "fetch": lambda: _read(address, lambda _: None),
        "fold": lambda: _read_and_fold(address, log_id),
        "replica": lambda: _replicate(address, folder),
    }
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            spent[name].append(await _spent(way))
    return _results(spent)


async def fill(address: KafkaAddress, folder: Path) -> str:
    """Make the topics, and append so many events to so many runs; the id of the control log."""
    with closing(Database(folder / "filling.db", durable=False)) as database:
        async with kafka_logs(address, database, _WRITER) as logs:
            log_id = logs.control.id
    async with AIOKafkaProducer(
        bootstrap_servers=list(address.servers), acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    ) as producer:
        records = _records(log_id)
        while some := list(islice(records, _A_BATCH)):
            batch = producer.create_batch()
            for record in some:
                batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
            batch.close()
            await (await producer.send_batch(batch, address.topic("control"), partition=0))
    return log_id


def _records(log_id: str) -> Iterator[Record]:
    """Events of so many runs at once, each run so long."""
    for first in range(0, _EVENTS // _EVENTS_A_RUN, _RUNS_AT_ONCE):
        prevs = dict.fromkeys(range(first, first + _RUNS_AT_ONCE), "")
        for seq in range(1, _EVENTS_A_RUN + 1):
            for run, prev in prevs.items():
                link = tag_links(log_id, f"run:{run:08}", seq, prev)[0]
                prevs[run] = link.hash.hex()
                yield link.envelope.record()


async def _spent(way: Callable[[], Awaitable[None]]) -> Spent:
    processor, clock = process_time(), perf_counter()
    await way()
    return Spent(process_time() - processor, perf_counter() - clock)


async def _read_raw(address: KafkaAddress) -> None:
    spot = TopicPartition(address.topic("control"), 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(address.servers),
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES * 4,
    )
    async with consumer:
        consumer.assign([spot])
        consumer.seek(spot, 0)
        while await consumer.position(spot) <= _EVENTS:
            await consumer.getmany(timeout_ms=500)


async def _read(address: KafkaAddress, take: Callable[[list[Arrival]], None]) -> None:
    spot = (address.topic("control"), 0)
    async with consuming(Connection(address)) as consumer:
        consumer.read_from({spot: 0})
        read = 0
        while read <= _EVENTS:
            for arrivals in (await consumer.fetch()).values():
                take(arrivals)
                read += len(arrivals)


async def _read_and_fold(address: KafkaAddress, log_id: str) -> None:
    heads: dict[str, Head] = {}
    progress = Progress()
    partition = Partition("control", log_id)

    def take(arrivals: list[Arrival]) -> None:
        nonlocal progress
        folded = fold(arrivals, partition=partition, progress=progress, head=heads.get)
        heads.update(folded.heads)
        progress = folded.progress

    await _read(address, take)


async def _replicate(address: KafkaAddress, folder: Path) -> None:
    with closing(Database(folder / f"{uuid4().hex}.db", durable=False)) as database:
        async with kafka_logs(address, database, _WRITER) as logs:
            await logs.control.catch_up()
            if database.last_place() != _EVENTS:
                raise RuntimeError("the replica does not hold what was appended")


def _results(spent: dict[str, list[Spent]]) -> list[Result]:
    rate = {name: median(each.rate for each in times) for name, times in spent.items()}
    clock = median(_EVENTS / each.clock for each in spent["replica"])
    unit = "events/s of a core"

    def result(what: str, way: str) -> Result:
        return Result(what, rate[way], unit, rate["raw"], f"{unit}, raw getmany")

    whole = result("cold start: topics into ledger.db", "replica")
    goal, met = f"≥ {_GOAL:,}", rate["replica"] >= _GOAL
    return [
        Result(whole.name, whole.figure, unit, whole.floor, whole.floor_name, goal, met),
        Result("the same by the clock, broker and all", clock, "events/s"),
        result("of that: fetched", "fetch"),
        result("of that: fetched, judged and hashed", "fold"),
    ]
