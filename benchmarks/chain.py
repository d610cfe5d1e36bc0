"""What the chain of hashes costs: appends to Kafka with it, and with a checksum in its place."""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4
from zlib import crc32

import uvloop

from benchmarks.kafka_append import Measured, appending
from benchmarks.result import Result
from examples.kafka_broker import KafkaBroker
from ledger.logs.kafka.address import parse_address

_CALLERS = 256
_ROUNDS = 4
_GOAL = 1.25

NOTES = """
The writer hashes what it appends, the reader hashes it again and goes on with the hash over the whole log: three hashes
an event. Without them each is a CRC-32 of a few bytes, so that everything else stays as it is.
"""


def run() -> list[Result]:
    """256 callers, in turns with and without."""
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        return measure(broker.address, Path(folder))


def measure(servers: str, folder: Path) -> list[Result]:
    """Both ways, on topics of their own."""
    with_chain, without = Measured(), Measured()
    for _ in range(_ROUNDS):
        _run(_append(servers, folder, with_chain))
        with _checksums():
            _run(_append(servers, folder, without))
    by_time = with_chain.processor <= _GOAL * without.processor
    floor = "without the chain"
    return [
        Result(
            f"append with its chain, {_CALLERS} callers, processor",
            with_chain.processor,
            "µs an append",
            without.processor,
            f"µs {floor}",
            f"ratio ≤ {_GOAL}",
            by_time,
        ),
        Result(f"append with its chain, {_CALLERS} callers", with_chain.rate, "appends/s", without.rate, f"/s {floor}"),
    ]


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def _append(servers: str, folder: Path, measured: Measured) -> None:
    async with appending(parse_address(f"kafka://{servers}/h{uuid4().hex[:10]}"), folder) as append:
        await measured.measure(_CALLERS, append)


class _Checksum:
    """Stands where a hash is asked for its digest."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def digest(self) -> bytes:
        return crc32(self._content).to_bytes(4, "big") * 8


@contextmanager
def _checksums() -> Iterator[None]:
    def few(_: str, fields: tuple[bytes, ...], __: bytes) -> bytes:
        return fields[0] + fields[1]

    with (
        patch("schemas.records.sha256", _Checksum),
        patch("schemas.records.canonical_bytes", few),
        patch("ledger.store.fold.sha256", _Checksum),
        patch("ledger.store.fold.canonical_bytes", few),
        patch("ledger.store.fold.next_running", lambda running, *_: running),
    ):
        yield
