"""Reading topics from their first record to an end, for who checks or copies them: nothing is written to them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import DamagedLogError, LogRefusedError, UnavailableError
from ledger.logs.genesis import identity_of
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.admin import administering
from ledger.logs.kafka.client import Connection, Spot
from ledger.logs.kafka.consumer import Consumer, consuming
from ledger.store.database import LogIdentity
from ledger.store.fold import Arrival
from schemas.streams import LogName

_QUIET_SECONDS = 10.0

Take = Callable[[Sequence[Arrival]], None]
"""Who is handed a stretch of a partition."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a partition begins and ends now."""

    begin: int
    end: int


class TopicReader:
    """Reads the topics of one ledger, a partition at a time; for one thread, outside an event loop."""

    def __init__(self, address: KafkaAddress) -> None:
        """Connect at each question anew."""
        self._address = address

    def partitions(self, name: LogName) -> int:
        """How many partitions a topic has; 0 if it is not there, or may not be seen.

        Raises:
            UnavailableError: no broker answers.
        """
        return asyncio.run(self._partitions(name))

    def extents(self, name: LogName, partitions: int) -> list[Extent]:
        """Where each partition begins and ends now; raises UnavailableError."""
        return asyncio.run(self._extents([(self._address.topic(name), number) for number in range(partitions)]))

    def identity(self, name: LogName) -> LogIdentity:
        """What the first record of a topic pins, which must be there.

        Raises:
            LogRefusedError: it is no ledger's.
            UnavailableError: no broker answers.
        """
        return asyncio.run(self._identity(name))

    def read(self, name: LogName, number: int, extent: Extent, take: Take, damaged: Callable[[int, str], None]) -> None:
        """Hand all records of an extent to `take`, and what is wrong with their bytes to `damaged`."""
        if extent.begin < extent.end:
            asyncio.run(self._read((self._address.topic(name), number), extent, take, damaged))

    async def _partitions(self, name: LogName) -> int:
        async with administering(Connection(self._address)) as admin:
            facts = await admin.facts(self._address.topic(name))
        return facts.partitions if facts else 0

    async def _extents(self, spots: Sequence[Spot]) -> list[Extent]:
        async with consuming(Connection(self._address)) as consumer:
            begins, ends = await consumer.begins(spots), await consumer.ends(spots)
        return [Extent(begins[spot], ends[spot]) for spot in spots]

    async def _identity(self, name: LogName) -> LogIdentity:
        spot = (self._address.topic(name), 0)
        async with consuming(Connection(self._address), checked=False) as consumer:
            record = (await consumer.records_at({spot: 0}))[spot]
        if record is None:
            raise LogRefusedError(f"topic {spot[0]} has lost its first record")
        return identity_of(record, name, f"topic {spot[0]}")

    async def _read(
        self,
        spot: Spot,
        extent: Extent,
        take: Take,
        damaged: Callable[[int, str], None],
    ) -> None:
        position = extent.begin
        # What a checksum says is damaged is read once more without looking at checksums, to tell what is.
        for checked in (True, False):
            try:
                async with consuming(Connection(self._address), checked=checked) as consumer:
                    consumer.read_from({spot: position})
                    while position < extent.end:
                        arrivals = await _next(consumer, spot, extent.end)
                        if not arrivals:
                            return
                        take(arrivals)
                        position = arrivals[-1].offset + 1
            except DamagedLogError as error:
                damaged(position, f"at or behind it, {error}")
            else:
                return


async def _next(consumer: Consumer, spot: Spot, end: int) -> list[Arrival]:
    """The next records before `end`; none if there are no more, though the broker answers."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _QUIET_SECONDS
    while loop.time() < deadline:
        found: Mapping[Spot, list[Arrival]] = await consumer.fetch()
        arrivals = [each for each in found.get(spot, []) if each.offset < end]
        if arrivals or found.get(spot):
            return arrivals
    if (await consumer.ends([spot]))[spot] < end:
        raise UnavailableError(f"topic {spot[0]} became shorter while it was read; try again")
    return []
