"""The Kafka client that reads and writes; only it and `admin` import aiokafka, and know its traps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    NodeNotReadyError,
    OffsetOutOfRangeError,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ledger.errors import LogRefusedError, NotReadyError, UnavailableError
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.topics import TopicFacts
from ledger.store.fold import Arrival
from schemas.records import Record

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
_REQUEST_SECONDS = 5.0
FETCH_MILLISECONDS = 500
# What one fetch brings is folded in one transaction. Of 4 MiB the garbage collector and the processor's
# cache see so many objects at once that each record costs half as much again (ADR 0042).
FETCH_BYTES = 1024 * 1024
# aiokafka closes a batch at this size; an append larger than it is refused before it is sent.
BATCH_BYTES = 900_000
_BATCH_OVERHEAD = 512
_LOG_APPEND_TIME = 1

Spot = tuple[str, int]
"""A topic and one of its partitions."""


def size_of(record: Record) -> int:
    """An upper bound of the bytes that a record takes in a batch."""
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, list(record.headers)))


def batch_limit(facts: TopicFacts) -> int:
    """The bytes that one batch may hold, by our client and by the topic."""
    return min(BATCH_BYTES, facts.max_message_bytes) - _BATCH_OVERHEAD


@dataclass(slots=True)
class Connection:
    """Options shared by every client of one ledger, and the clients that are still starting."""

    address: KafkaAddress
    _starting: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def start(self, client: "_Client", close: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Start a client; if it is not ready in time it is left to itself, and closed when it is.

        aiokafka loses a connection when its start is cancelled (`AIOKafkaClient.bootstrap`), so it
        never is.

        Raises:
            TimeoutError: it is not ready in time.
        """
        given_up = asyncio.Event()
        task = asyncio.create_task(_start(client, close, given_up))
        self._starting.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait([task], timeout=seconds)
        except BaseException:
            given_up.set()
            if task.done() and not task.cancelled() and task.exception() is None:
                await close()  # it was ready at the very moment when nobody wanted it any more
            raise
        if not task.done():
            given_up.set()
            raise TimeoutError("it did not answer")
        task.result()

    async def settle(self) -> None:
        """Wait for the clients that are still starting, at most as long as one request may take."""
        if self._starting:
            await asyncio.wait(self._starting)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._starting.discard(task)
        if not task.cancelled():
            task.exception()  # told by `start`, or nobody is left to tell

    def options(self) -> dict[str, Any]:
        """Arguments for aiokafka."""
        return {
            "bootstrap_servers": list(self.address.servers),
            "request_timeout_ms": int(_REQUEST_SECONDS * 1000),
            "retry_backoff_ms": 50,
            "metadata_max_age_ms": 30_000,
            **self.address.security.options,
        }


class Producer:
    """Sends closed batches; it is dropped, never mended, when anything goes wrong."""

    def __init__(self, connection: Connection) -> None:
        """Not connected yet."""
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None
        self.replacements = 0

    async def send(self, batches: Mapping[Spot, Sequence[Record]], deadline: float) -> dict[Spot, list[Arrival]]:
        """Send one batch to each spot, wait until all are stored, and answer as what they lie there.

        A spot is missing in the answer where the broker does not say at which offset or time.

        Raises:
            UnavailableError: some may be stored and some not; the producer was dropped with all
                that it still held, so nothing of this is sent later.
        """
        try:
            async with asyncio.timeout(deadline):
                producer = await self._connected(deadline)
                pending = [await _submit(producer, spot, records) for spot, records in batches.items()]
                # Unlike wait_for, `wait` does not cancel the deliveries that it waits for.
                await asyncio.wait(pending)
            answers = [future.result() for future in pending]
        except (KafkaError, TimeoutError, OSError) as error:
            await self.drop()
            raise UnavailableError(
                f"Kafka at {self._connection.address} did not store the records ({said(error)})"
            ) from error
        return {
            spot: [Arrival(answer.offset + index, answer.timestamp, record) for index, record in enumerate(records)]
            for answer, (spot, records) in zip(answers, batches.items(), strict=True)
            if answer.offset >= 0 and answer.timestamp_type == _LOG_APPEND_TIME
        }

    async def drop(self) -> None:
        """Let the producer go with its buffer: `stop()` would hang while the broker is away."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        self.replacements += 1
        await _let_go(producer)

    async def _connected(self, seconds: float) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._connection.options(),
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=BATCH_BYTES + _BATCH_OVERHEAD,
            )
            await self._connection.start(producer, lambda: _let_go(producer), seconds)
            self._producer = producer
        return self._producer


class _Client(Protocol):
    async def start(self) -> None: ...


async def _start(client: _Client, close: Callable[[], Awaitable[None]], given_up: asyncio.Event) -> None:
    try:
        await client.start()
    except BaseException:
        await close()
        raise
    if given_up.is_set():
        await close()


async def _let_go(producer: AIOKafkaProducer) -> None:
    producer._closed = True  # noqa: SLF001 - aiokafka has no way to close without a flush
    sender = producer._sender  # noqa: SLF001
    if sender.sender_task is not None:
        sender.sender_task.cancel()
    with suppress(KafkaError, TimeoutError, OSError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await producer.client.close()


async def _submit(producer: AIOKafkaProducer, spot: Spot, records: Sequence[Record]) -> "asyncio.Future[Any]":
    batch = producer.create_batch()
    for record in records:
        if batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers)) is None:
            raise UnavailableError("a batch was filled beyond its size")
    batch.close()
    topic, partition = spot
    future: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition)
    return future


class Consumer:
    """Reads chosen partitions from explicit offsets on."""

    def __init__(self, consumer: AIOKafkaConsumer, address: KafkaAddress) -> None:
        """Use `consuming`."""
        self._consumer = consumer
        self._address = address

    def read_from(self, offsets: Mapping[Spot, int]) -> None:
        """Read these partitions, each from its offset."""
        self._consumer.assign([TopicPartition(*spot) for spot in offsets])
        for spot, offset in offsets.items():
            self._consumer.seek(TopicPartition(*spot), offset)

    def seek(self, spot: Spot, offset: int) -> None:
        """Go on from another offset."""
        self._consumer.seek(TopicPartition(*spot), offset)

    async def fetch(self) -> dict[Spot, list[Arrival]]:
        """The next records, or none after half a second.

        Raises:
            LogRefusedError: an offset is beyond what the log holds: it was cut or made anew.
        """
        try:
            # max_records would split a batch over two transactions.
            found = await self._consumer.getmany(timeout_ms=FETCH_MILLISECONDS)
        except OffsetOutOfRangeError as error:
            raise LogRefusedError(
                f"the log at {self._address} is shorter than what was read from it: it was cut or made anew ({error}). "
                "Nothing was changed here; restore the topic, or begin with another data folder."
            ) from error
        return {
            (spot.topic, spot.partition): [
                Arrival(message.offset, message.timestamp, Record(message.key, message.headers, message.value))
                for message in messages
            ]
            for spot, messages in found.items()
        }

    async def positions(self, spots: Iterable[Spot]) -> dict[Spot, int]:
        """The offset that is read next of each partition, behind all that was fetched."""
        return {spot: await self._consumer.position(TopicPartition(*spot)) for spot in spots}

    async def begins(self, spots: Sequence[Spot]) -> dict[Spot, int]:
        """The offset of the first record of each partition."""
        return await self._offsets(self._consumer.beginning_offsets, spots)

    async def ends(self, spots: Sequence[Spot]) -> dict[Spot, int]:
        """The offset behind the last record of each partition."""
        return await self._offsets(self._consumer.end_offsets, spots)

    async def _offsets(self, ask: Callable[..., Awaitable[Any]], spots: Sequence[Spot]) -> dict[Spot, int]:
        try:
            found = await ask([TopicPartition(*spot) for spot in spots])
        except (KafkaError, OSError) as error:
            raise UnavailableError(f"Kafka at {self._address} did not answer: {said(error)}") from error
        return {(spot.topic, spot.partition): offset for spot, offset in found.items()}

    async def records_at(self, offsets: Mapping[Spot, int]) -> dict[Spot, Record]:
        """The record at an offset of each partition, where there is one."""
        found: dict[Spot, Record] = {}
        if not offsets:
            return found
        self.read_from(offsets)
        end = asyncio.get_running_loop().time() + CONNECT_SECONDS
        while found.keys() != offsets.keys() and asyncio.get_running_loop().time() < end:
            for spot, arrivals in (await self.fetch()).items():
                if spot not in found and arrivals[0].offset == offsets[spot]:
                    found[spot] = arrivals[0].record
        # Without this it would go on reading ahead what nobody asks for.
        self._consumer.unsubscribe()
        return found


@asynccontextmanager
async def consuming(connection: Connection, *, wait: int = FETCH_MILLISECONDS) -> AsyncIterator[Consumer]:
    """A consumer without a group: the ledger keeps its offsets itself.

    Other requests queue behind a fetch, which the broker holds for `wait` milliseconds.
    """
    consumer = AIOKafkaConsumer(
        **connection.options(),
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=wait,
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES * 4,
    )
    try:
        await within(connection.start(consumer, consumer.stop, CONNECT_SECONDS), connection.address)
        yield Consumer(consumer, connection.address)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await consumer.stop()


async def within(work: Any, address: KafkaAddress) -> Any:
    """What a request to the cluster comes to; UnavailableError or NotReadyError if nothing."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS + 1):
            return await work
    except NodeNotReadyError as error:
        raise NotReadyError(f"Kafka at {address} knows no broker that is ready; try again") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnavailableError(
            f"no Kafka broker answers at {address} within {CONNECT_SECONDS:.0f} s ({said(error)}). "
            "Is it running, and is the address right?"
        ) from error


def said(error: BaseException) -> str:
    """An error of the client in a few words."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
