"""The Kafka client that reads: it knows aiokafka's traps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError

from ledger.errors import DamagedLogError, LogRefusedError, UnavailableError
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.client import CLOSE_SECONDS, CONNECT_SECONDS, Connection, Spot, said, way_out, within
from ledger.logs.kafka.names import reading_any_name
from ledger.logs.kafka.unreachable import why_unreachable
from ledger.store.fold import Arrival
from schemas.records import Record

FETCH_MILLISECONDS = 500
_FETCHES_ANEW = 4
# What one fetch brings is folded in one transaction. Of 4 MiB the garbage collector and the processor's
# cache see so many objects at once that each record costs half as much again (ADR 0042).
FETCH_BYTES = 1024 * 1024


class Consumer:
    """Reads chosen partitions from explicit offsets on."""

    def __init__(
        self, consumer: AIOKafkaConsumer, address: KafkaAddress, on_connect: Callable[[], Awaitable[None]]
    ) -> None:
        """Use `consuming`."""
        self._consumer = consumer
        self._address = address
        self._on_connect = on_connect
        self._trusted: list[object] = []
        self._next: dict[Spot, int] = {}

    def read_from(self, offsets: Mapping[Spot, int]) -> None:
        """Read these partitions, each from its offset."""
        self._next = {}
        self._consumer.assign([TopicPartition(*spot) for spot in offsets])
        for spot, offset in offsets.items():
            self.seek(spot, offset)

    def read_nothing(self) -> None:
        """Read ahead no more what nobody asks for."""
        self._next = {}
        self._consumer.unsubscribe()

    def seek(self, spot: Spot, offset: int) -> None:
        """Go on from another offset."""
        self._next[spot] = offset
        self._consumer.seek(TopicPartition(*spot), offset)

    async def fetch(self) -> dict[Spot, list[Arrival]]:
        """The next records, or none after half a second.

        Raises:
            LogRefusedError: an offset is beyond what the log holds: it was cut or made anew; or what
                it holds is damaged.
            UnavailableError: the broker does not let us read now.
        """
        try:
            found = await self._getmany()
        except OffsetOutOfRangeError as error:
            # Whoever looks at new connections says it better.
            await self._on_connect()
            raise LogRefusedError(
                f"the log at {self._address} is shorter than what was read from it: it was cut or made anew ({error}). "
                "Nothing was changed here; restore the topic, or begin with another data folder."
            ) from error
        except (CorruptRecordException, ValueError) as error:
            raise DamagedLogError(
                f"Kafka at {self._address} sends records whose bytes are damaged ({said(error)}): a disk or somebody "
                "changed them. Restore the topic from a backup; `runledger verify` names the record."
            ) from error
        except (KafkaError, OSError) as error:
            raise UnavailableError(f"Kafka at {self._address} cannot be read: {said(error)}{way_out(error)}") from error
        connections = self._connections()
        if not self._trusts(connections):
            # aiokafka connects anew by itself, and does not ask whether the log is still the old one.
            await self._on_connect()
            self._trusted = connections
        arrived = {
            (spot.topic, spot.partition): [
                Arrival(message.offset, message.timestamp, Record(message.key, message.headers, message.value))
                for message in messages
            ]
            for spot, messages in found.items()
        }
        self._next |= {spot: arrivals[-1].offset + 1 for spot, arrivals in arrived.items()}
        return arrived

    async def _getmany(self) -> dict[TopicPartition, Any]:
        # max_records would split a batch over two transactions.
        try:
            found: dict[TopicPartition, Any] = await self._consumer.getmany(timeout_ms=FETCH_MILLISECONDS)
        except UnicodeDecodeError:
            # What was drained of other partitions with it is lost: all is read again from where it was given out.
            found = {}
            with reading_any_name():
                for spot, offset in self._next.items():
                    self._consumer.seek(TopicPartition(*spot), offset)
                for _ in range(_FETCHES_ANEW):
                    found = found or await self._consumer.getmany(timeout_ms=FETCH_MILLISECONDS)
        return found

    @property
    def is_sure(self) -> bool:
        """Whether it is connected, and `on_connect` has looked since."""
        connections = self._connections()
        return bool(connections) and self._trusts(connections)

    def _trusts(self, connections: Sequence[object]) -> bool:
        return all(any(each is trusted for trusted in self._trusted) for each in connections)

    def _connections(self) -> list[object]:
        return [each for each in self._consumer._client._conns.values() if each.connected()]  # noqa: SLF001

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
            raise UnavailableError(
                f"Kafka at {self._address} does not say where its topics end ({said(error)}{way_out(error)})"
            ) from error
        return {(spot.topic, spot.partition): offset for spot, offset in found.items()}

    async def records_at(self, offsets: Mapping[Spot, int]) -> dict[Spot, Record | None]:
        """The record at an offset of each partition, which must lie before its end; None where there is none.

        Raises:
            UnavailableError: the broker does not send them.
        """
        found: dict[Spot, Record | None] = {}
        if not offsets:
            return found
        self.read_from(offsets)
        end = asyncio.get_running_loop().time() + CONNECT_SECONDS
        try:
            while found.keys() != offsets.keys():
                if asyncio.get_running_loop().time() > end:
                    raise UnavailableError(f"Kafka at {self._address} sent no record within {CONNECT_SECONDS:.0f} s")
                for spot, arrivals in (await self.fetch()).items():
                    first = arrivals[0]
                    found.setdefault(spot, first.record if first.offset == offsets[spot] else None)
        finally:
            self.read_nothing()
        return found


@asynccontextmanager
async def consuming(
    connection: Connection,
    *,
    wait: int = FETCH_MILLISECONDS,
    checked: bool = True,
    fetch_bytes: int | None = None,
    on_connect: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Consumer]:
    """A consumer without a group: the ledger keeps its offsets itself.

    Other requests queue behind a fetch, which the broker holds for `wait` milliseconds, and which brings
    about `fetch_bytes` of a partition, `FETCH_BYTES` if none are named. What is `checked`
    are the checksums of batches. `on_connect` is called before anything is given out that came by a new
    connection.
    """
    consumer = AIOKafkaConsumer(
        **connection.options(),
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=wait,
        check_crcs=checked,
        max_partition_fetch_bytes=fetch_bytes or FETCH_BYTES,
        fetch_max_bytes=(fetch_bytes or FETCH_BYTES) * 4,
    )
    try:
        try:
            await within(connection.start(consumer, consumer.stop, CONNECT_SECONDS), connection.address)
        except UnavailableError as error:
            raise (await why_unreachable(connection) or error) from error
        yield Consumer(consumer, connection.address, on_connect or _nothing)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await consumer.stop()


async def _nothing() -> None:
    """Nothing to look at."""
