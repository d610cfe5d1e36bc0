"""Connections to Kafka, and the client that writes: it knows aiokafka's traps."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ledger.errors import NotReadyError, UnavailableError
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.topics import TopicFacts
from ledger.store.fold import Arrival
from schemas.records import Record

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
_REQUEST_SECONDS = 5.0
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
    request_seconds: float = _REQUEST_SECONDS
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
            "request_timeout_ms": int(self.request_seconds * 1000),
            "retry_backoff_ms": 50,
            # A reader whose leader is frozen hears of the next one by this alone.
            "metadata_max_age_ms": 5_000,
            **self.address.security.options,
        }


class Refusal(Enum):
    """Why a broker took no byte of a batch."""

    TOO_LARGE = "it is too large"
    DENIED = "this user may not write there"


_REFUSALS: dict[type[KafkaError], Refusal] = {
    MessageSizeTooLargeError: Refusal.TOO_LARGE,
    RecordListTooLargeError: Refusal.TOO_LARGE,
    TopicAuthorizationFailedError: Refusal.DENIED,
}


@dataclass(slots=True)
class Sent:
    """What became of one round: of a spot that is nowhere here, the broker said neither offset nor time.

    What is in `doubt` may be stored or not.
    """

    stored: dict[Spot, list[Arrival]] = field(default_factory=dict)
    refused: dict[Spot, Refusal] = field(default_factory=dict)
    doubt: dict[Spot, str] = field(default_factory=dict)


class Producer:
    """Sends closed batches; it is dropped, never mended, when anything goes wrong."""

    def __init__(self, connection: Connection) -> None:
        """Not connected yet."""
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None
        self._requests: set[asyncio.Task[Any]] = set()
        self.replacements = 0

    async def ready(self, topics: Iterable[str], seconds: float) -> None:
        """Connect, and learn where the topics are, so that `deliver` sends without a pause.

        Raises:
            UnavailableError: not in time, or never with the rights of this user; nothing was sent.
        """
        try:
            async with asyncio.timeout(seconds):
                producer = await self._connected(seconds)
                for topic in topics:
                    await producer.partitions_for(topic)
        except (KafkaError, TimeoutError, OSError) as error:
            raise UnavailableError(
                f"Kafka at {self._connection.address} takes no records ({said(error)}{way_out(error)})"
            ) from error

    async def send(self, batches: Mapping[Spot, Sequence[Record]], deadline: float) -> None:
        """Get ready, and send as `deliver` does.

        Raises:
            UnavailableError: not all is stored for certain.
        """
        await self.ready({topic for topic, _ in batches}, deadline)
        sent = await self.deliver(batches, deadline)
        wrong = [*sent.doubt.values(), *(refusal.value for refusal in sent.refused.values())]
        if wrong:
            raise UnavailableError(f"Kafka at {self._connection.address} did not store the records ({wrong[0]})")

    async def deliver(self, batches: Mapping[Spot, Sequence[Record]], deadline: float) -> Sent:
        """Send one batch to each spot, wait until all are decided, and say as what they lie there.

        If any is not stored for certain the producer is dropped with all that it still held, so
        nothing of this is sent later.
        """
        sent, pending = Sent(), dict[Spot, asyncio.Future[Any]]()
        problem: BaseException = TimeoutError("no answer")
        try:
            async with asyncio.timeout(deadline):
                producer = await self._connected(deadline)
                for spot, records in batches.items():
                    pending[spot] = await _submit(producer, spot, records)
                # Unlike wait_for, `wait` does not cancel the deliveries that it waits for.
                await asyncio.wait(pending.values())
        except (KafkaError, TimeoutError, OSError, UnavailableError) as error:
            problem = error
        for spot, records in batches.items():
            _decide(sent, spot, records, pending.get(spot), problem)
        if sent.refused or sent.doubt:
            await self.drop()
        return sent

    async def drop(self) -> None:
        """Let the producer go with its buffer: `stop()` would hang while the broker is away."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        self.replacements += 1
        await _let_go(producer, self._requests)

    async def _connected(self, seconds: float) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._connection.options(),
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=BATCH_BYTES + _BATCH_OVERHEAD,
            )
            requests = self._requests = _watch_requests(producer)
            try:
                # In two steps, as its own `start` does: the second asks for a producer id for as long as
                # the cluster has none to give, and unlike the first it may be cancelled.
                await self._connection.start(_Bootstrap(producer), lambda: _let_go(producer, requests), seconds)
                await producer._sender.start()  # noqa: SLF001 - see above
            except BaseException:
                await _let_go(producer, requests)
                raise
            self._producer = producer
        return self._producer


def _decide(
    sent: Sent, spot: Spot, records: Sequence[Record], answer: "asyncio.Future[Any] | None", problem: BaseException
) -> None:
    """Note what became of one batch; `problem` is why it has no answer, if it has none."""
    error = problem if answer is None or not answer.done() else answer.exception()
    if error is not None:
        refusal = next((why for kind, why in _REFUSALS.items() if type(error) is kind), None)
        if refusal is None or answer is None:
            sent.doubt[spot] = said(error)
        else:
            sent.refused[spot] = refusal
    elif answer and (found := answer.result()).offset >= 0 and found.timestamp_type == _LOG_APPEND_TIME:
        sent.stored[spot] = [
            Arrival(found.offset + index, found.timestamp, record) for index, record in enumerate(records)
        ]


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


class _Bootstrap:
    """The part of a producer's start that is not cancelled, see `Connection.start`."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._client = producer.client

    async def start(self) -> None:
        await self._client.bootstrap()


def _watch_requests(producer: AIOKafkaProducer) -> "set[asyncio.Task[Any]]":
    """The tasks in which a producer sends, kept up to date.

    One that is connecting goes on when the producer's own task is cancelled, and would send once the
    broker is back.
    """
    requests: set[asyncio.Task[Any]] = set()
    sender = producer._sender  # noqa: SLF001 - aiokafka has no way to close without a flush
    send = sender._send_produce_req  # noqa: SLF001

    async def watched(node: int, batches: Any) -> None:
        task = asyncio.current_task()
        if task is not None:
            requests.add(task)
            task.add_done_callback(requests.discard)
        await send(node, batches)

    sender._send_produce_req = watched  # noqa: SLF001
    return requests


async def _let_go(producer: AIOKafkaProducer, requests: "set[asyncio.Task[Any]]") -> None:
    producer._closed = True  # noqa: SLF001 - see `_watch_requests`
    routine = producer._sender.sender_task  # noqa: SLF001
    ending = [*requests] if routine is None else [routine, *requests]
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending, timeout=CLOSE_SECONDS)
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
    """What an error is, on one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def way_out(error: BaseException) -> str:
    """What helps against an error that does not go away by itself."""
    if isinstance(error, ClusterAuthorizationFailedError):
        return "; give this user the right WRITE on the topics, or IDEMPOTENT_WRITE on the cluster"
    if isinstance(error, TopicAuthorizationFailedError):
        return "; give this user the rights READ, WRITE and DESCRIBE on the topic"
    return ""
