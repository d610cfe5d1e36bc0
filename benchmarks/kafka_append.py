"""Appending to the Kafka log, replica commit included, against raw sends of the same records."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from uuid import uuid4

import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.events import now, tag_links
from benchmarks.result import Result, percentile
from examples.kafka_broker import KafkaBroker
from ledger.logs.kafka.address import KafkaAddress, parse_address
from ledger.logs.kafka.client import BATCH_BYTES
from ledger.logs.kafka.opening import Writer, kafka_logs
from ledger.store.database import Database
from schemas.records import Record

_APPENDS = {1: 800, 16: 6_000, 256: 25_000, 2_000: 12_000}
_ROUNDS = 3
_LATENCY_GOAL = 2.5
_WRITER = Writer("//bench/runledger", "bench", now)

NOTES = """
An append is answered when it lies in the topic and in the replica, judged and hashed. A raw `send` is aiokafka's own, a
raw round sends all that waits as one batch and waits for it, as our sender does: neither reads anything back. Times are
of a process whose broker, clients and replica share the cores; the processor's time is of the measuring process alone.
"""

Append = Callable[[int, int], Awaitable[None]]
"""The append of a caller, by its number and the number of the append."""


class Measured:
    """Latencies, rates and processor time of one way to append, over all rounds."""

    def __init__(self) -> None:
        """Nothing was measured yet."""
        self._p50: list[float] = []
        self._p99: list[float] = []
        self._rates: list[float] = []
        self._processor: list[float] = []

    async def measure(self, callers: int, append: Append) -> None:
        """Let so many callers append, each one after the other."""
        latencies: list[float] = []

        async def caller(number: int) -> None:
            for index in range(_APPENDS[callers] // callers):
                began = perf_counter()
                await append(number, index)
                latencies.append(perf_counter() - began)

        began, worked = perf_counter(), process_time()
        await asyncio.gather(*(caller(number) for number in range(callers)))
        self._rates.append(len(latencies) / (perf_counter() - began))
        self._processor.append((process_time() - worked) / len(latencies))
        self._p50.append(percentile(latencies, 0.5))
        self._p99.append(percentile(latencies, 0.99))

    @property
    def rate(self) -> float:
        """Appends a second."""
        return median(self._rates)

    @property
    def p50(self) -> float:
        """Milliseconds until an answer."""
        return median(self._p50) * 1e3

    @property
    def p99(self) -> float:
        """Milliseconds until the answer of the slowest of a hundred."""
        return median(self._p99) * 1e3

    @property
    def processor(self) -> float:
        """Microseconds that this process worked for an append."""
        return median(self._processor) * 1e6


def run() -> list[Result]:
    """1 to 2,000 callers on a fresh one-node broker."""
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        results: list[Result] = []
        for callers in _APPENDS:
            results += measure(broker.address, Path(folder), callers)
        return results


def measure(servers: str, folder: Path, callers: int) -> list[Result]:
    """So many callers, in all three ways."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return _results(callers, *runner.run(_in_turns(servers, folder, callers)))


async def _in_turns(servers: str, folder: Path, callers: int) -> tuple[Measured, Measured, Measured]:
    ours, sends, rounds = Measured(), Measured(), Measured()
    for _ in range(_ROUNDS):
        address = parse_address(f"kafka://{servers}/b{uuid4().hex[:10]}")
        async with appending(address, folder) as append:
            await ours.measure(callers, append)
        async with _sending(address) as append:
            await sends.measure(callers, append)
        async with _in_rounds(address) as append:
            await rounds.measure(callers, append)
    return ours, sends, rounds


@asynccontextmanager
async def appending(address: KafkaAddress, folder: Path) -> AsyncIterator[Append]:
    """Our log, with an empty replica; each caller has a run of its own."""
    heads: dict[int, str] = {}
    with closing(Database(folder / f"{uuid4().hex}.db", durable=False)) as database:
        async with kafka_logs(address, database, _WRITER) as logs:
            await logs.control.catch_up()

            async def append(number: int, index: int) -> None:
                links = tag_links(logs.control.id, f"run:{number}", index + 1, heads.get(number, ""))
                await logs.control.append(links)
                heads[number] = links[-1].hash.hex()

            yield append


@asynccontextmanager
async def _sending(address: KafkaAddress) -> AsyncIterator[Append]:
    topic = address.topic("control")
    async with AIOKafkaProducer(
        bootstrap_servers=list(address.servers), acks="all", enable_idempotence=True
    ) as producer:

        async def append(number: int, index: int) -> None:
            record = _record(number, index)
            await producer.send_and_wait(topic, record.value, key=record.key, headers=list(record.headers), partition=0)

        yield append


@asynccontextmanager
async def _in_rounds(address: KafkaAddress) -> AsyncIterator[Append]:
    topic, waiting, awake = address.topic("control"), list[tuple[Record, asyncio.Future[None]]](), asyncio.Event()

    async def send(producer: AIOKafkaProducer) -> None:
        while await awake.wait():
            awake.clear()
            batch, some = producer.create_batch(), list[tuple[Record, asyncio.Future[None]]]()
            for record, answer in waiting:
                headers = list(record.headers)
                if batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
                    awake.set()  # the batch is full: the rest goes with the next
                    break
                some.append((record, answer))
            del waiting[: len(some)]
            batch.close()
            await (await producer.send_batch(batch, topic, partition=0))
            for _, answer in some:
                answer.set_result(None)

    async def append(number: int, index: int) -> None:
        answer = asyncio.get_running_loop().create_future()
        waiting.append((_record(number, index), answer))
        awake.set()
        await answer

    async with AIOKafkaProducer(
        bootstrap_servers=list(address.servers), acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    ) as producer:
        sender = asyncio.create_task(send(producer))
        try:
            yield append
        finally:
            sender.cancel()


def _record(number: int, index: int) -> Record:
    return tag_links("raw", f"run:{number}", index + 1, "0" * 64)[0].envelope.record()


def _results(callers: int, ours: Measured, sends: Measured, rounds: Measured) -> list[Result]:
    name = f"Kafka append, {callers:,} caller{'s' if callers > 1 else ''}"
    goal = {256: 0.7, 2_000: 1.0}.get(callers)
    met = None if goal is None else ours.rate >= goal * sends.rate
    rate_goal = None if goal is None else f"ratio ≥ {goal:.2f}"
    quick = ours.p50 <= _LATENCY_GOAL * sends.p50 if callers == 1 else None
    latency_goal = f"ratio ≤ {_LATENCY_GOAL}" if callers == 1 else None
    return [
        Result(name, ours.rate, "appends/s", sends.rate, "raw sends/s", rate_goal, met),
        Result(f"{name}, beside raw rounds", ours.rate, "appends/s", rounds.rate, "records/s in raw rounds"),
        Result(f"{name}, p50", ours.p50, "ms", sends.p50, "ms, a raw send", latency_goal, quick),
        Result(f"{name}, p99", ours.p99, "ms", sends.p99, "ms, a raw send"),
        Result(f"{name}, processor", ours.processor, "µs an append", sends.processor, "µs, a raw send"),
    ]
