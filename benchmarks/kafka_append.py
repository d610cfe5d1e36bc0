"""Appending to the Kafka log, replica commit included, against raw sends of the same records."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.events import now, tag_links
from benchmarks.result import Result, percentile
from examples.kafka_broker import KafkaBroker
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.opening import Writer, kafka_logs
from ledger.store.database import Database

_APPENDS = {1: 800, 16: 6_000, 256: 25_000}
_ROUNDS = 3


class _Measured:
    """Latencies and rates of one way to append, over all rounds."""

    def __init__(self) -> None:
        self.p50: list[float] = []
        self.p99: list[float] = []
        self.rates: list[float] = []

    async def measure(self, callers: int, append: Callable[[int, int], Awaitable[None]]) -> None:
        """Let so many callers append, each one after the other."""
        latencies: list[float] = []

        async def caller(number: int) -> None:
            for index in range(_APPENDS[callers] // callers):
                began = perf_counter()
                await append(number, index)
                latencies.append(perf_counter() - began)

        began = perf_counter()
        await asyncio.gather(*(caller(number) for number in range(callers)))
        self.rates.append(len(latencies) / (perf_counter() - began))
        self.p50.append(percentile(latencies, 0.5))
        self.p99.append(percentile(latencies, 0.99))


def run() -> list[Result]:
    """1, 16 and 256 callers on a fresh one-node broker."""
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        results: list[Result] = []
        for callers in _APPENDS:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                ours, raw = runner.run(_both(broker.address, Path(folder), callers))
            results += _results(callers, ours, raw)
        return results


async def _both(servers: str, folder: Path, callers: int) -> tuple[_Measured, _Measured]:
    ours, raw = _Measured(), _Measured()
    for _ in range(_ROUNDS):
        name = f"b{uuid4().hex[:10]}"
        await _measure_ours(servers, folder, name, callers, ours)
        await _measure_raw(servers, name, callers, raw)
    return ours, raw


async def _measure_ours(servers: str, folder: Path, name: str, callers: int, measured: _Measured) -> None:
    database = Database(folder / f"{name}.db", durable=False)
    writer = Writer("//bench/runledger", "bench", now)
    heads: dict[int, str] = {}
    async with kafka_logs(parse_address(f"kafka://{servers}/{name}"), database, writer) as logs:
        await logs.control.catch_up()

        async def append(number: int, index: int) -> None:
            links = tag_links(logs.control.id, f"run:{number}", index + 1, heads.get(number, ""))
            await logs.control.append(links)
            heads[number] = links[-1].hash.hex()

        await measured.measure(callers, append)
    database.close()


async def _measure_raw(servers: str, name: str, callers: int, measured: _Measured) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:

        async def append(number: int, index: int) -> None:
            record = tag_links(name, f"run:{number}", index + 1, "0" * 64)[0].envelope.record()
            topic = f"runledger.{name}.events.v1"
            await producer.send_and_wait(topic, record.value, key=record.key, headers=list(record.headers), partition=0)

        await measured.measure(callers, append)


def _results(callers: int, ours: _Measured, raw: _Measured) -> list[Result]:
    rate, floor = median(ours.rates), median(raw.rates)
    latency, latency_floor = median(ours.p50) * 1e3, median(raw.p50) * 1e3
    name = f"Kafka append, {callers} caller{'s' if callers > 1 else ''}"
    by_rate = Result(name, rate, "appends/s", floor, "raw sends/s")
    by_latency = Result(f"{name}, p50", latency, "ms", latency_floor, "ms, a raw send")
    if callers == 1:
        met = latency <= 2.5 * latency_floor
        by_latency = Result(by_latency.name, latency, "ms", latency_floor, "ms, a raw send", "ratio ≤ 2.5", met)
    if callers == max(_APPENDS):
        by_rate = Result(name, rate, "appends/s", floor, "raw sends/s", "ratio ≥ 0.60", rate >= 0.6 * floor)
    tail = Result(f"{name}, p99", median(ours.p99) * 1e3, "ms", median(raw.p99) * 1e3, "ms, a raw send")
    return [by_rate, by_latency, tail]
