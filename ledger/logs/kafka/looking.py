"""Looking whether topics still hold what was read from them: aiokafka does not notice a cut log."""

import asyncio
from collections.abc import Mapping

from ledger.errors import LogRefusedError, UnavailableError
from ledger.logs.kafka.client import CONNECT_SECONDS, Spot
from ledger.logs.kafka.consumer import Consumer
from ledger.logs.kafka.trust import Bounds, cut, refusal_of_loss, replaced
from ledger.store.database import Database
from ledger.store.tables import place_of
from schemas.errors import LedgerError
from schemas.records import Record, parse_record
from schemas.streams import GENESIS_KIND, LogName, kind_of

_LOOKS = 2
_PAUSE_SECONDS = 1.0
_BEGINNING = 100
"""As many servers do not begin a log at once."""

Spots = Mapping[Spot, tuple[LogName, int]]
"""The partitions of a ledger's topics, and which of which log each is."""


async def history_at(consumer: Consumer, spot: Spot) -> int:
    """How many records a log holds, if any of them is of a history; 0 if there are first records alone.

    Several servers that begin a log at once leave a first record each, of which one counts.
    """
    end = (await consumer.ends([spot]))[spot]
    if end <= 1 or end > _BEGINNING:
        return end if end > 1 else 0
    consumer.read_from({spot: 0})
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            while True:
                arrivals = (await consumer.fetch()).get(spot, [])
                if any(_is_of_history(each.record) for each in arrivals):
                    return end
                if arrivals and arrivals[-1].offset + 1 >= end:
                    return 0
    except TimeoutError as error:
        raise UnavailableError(
            f"topic {spot[0]} could not be read within {CONNECT_SECONDS:.0f} s; try again"
        ) from error
    finally:
        consumer.read_nothing()


def _is_of_history(record: Record) -> bool:
    try:
        return kind_of(parse_record(record).stream) != GENESIS_KIND
    except LedgerError:
        return False


class Look:
    """Compares the topics with ledger.db, as often as asked."""

    def __init__(self, consumer: Consumer, database: Database, spots: Spots) -> None:
        """Look by a consumer that nobody reads from."""
        self._consumer = consumer
        self._database = database
        self._spots = spots
        self._one_at_a_time = asyncio.Lock()

    async def at_all(self) -> None:
        """Compare where the partitions begin and end, and the first and the last record that was read of them.

        Raises:
            LogRefusedError: a topic was cut or made anew.
            UnavailableError: the brokers do not say.
        """
        await self._refuse(bounds=True, records=True)

    async def at_bounds(self) -> None:
        """Compare where the partitions begin and end; raises as `at_all` does."""
        await self._refuse(bounds=True, records=False)

    async def at_records(self) -> None:
        """Compare the first and the last record that was read; raises as `at_all` does."""
        await self._refuse(bounds=False, records=True)

    async def _refuse(self, *, bounds: bool, records: bool) -> None:
        async with self._one_at_a_time:
            for look in range(_LOOKS):
                read = {spot: self._database.progress(*where).next_offset for spot, where in self._spots.items()}
                wrong = await self._cut(read) if bounds else []
                if records and not wrong:
                    wrong = await self._replaced(read)
                if not wrong:
                    return
                if look + 1 < _LOOKS:
                    # A leader that was elected just now may not know yet how far the log goes.
                    await asyncio.sleep(_PAUSE_SECONDS)
            raise LogRefusedError(refusal_of_loss(wrong, self._database.path))

    async def _cut(self, read: Mapping[Spot, int]) -> list[str]:
        begins = await self._consumer.begins(list(read))
        ends = await self._consumer.ends(list(read))
        return cut({spot: Bounds(begins[spot], ends[spot], read[spot]) for spot in read})

    async def _replaced(self, read: Mapping[Spot, int]) -> list[str]:
        """The first record of each topic tells that it was made anew, whatever lies behind it by now."""
        first = {spot: 0 for spot, (_, number) in self._spots.items() if number == 0 and read[spot] > 0}
        last = {spot: offset - 1 for spot, offset in read.items() if offset > 0}
        for offsets in (first, last):
            found = await self._consumer.records_at(offsets)
            wrong = [spot for spot, offset in offsets.items() if not self._holds(spot, offset, found[spot])]
            if wrong:
                return [replaced(spot, offsets[spot], self._database.path) for spot in wrong]
        return []

    def _holds(self, spot: Spot, offset: int, record: Record | None) -> bool:
        log, number = self._spots[spot]
        if record is None:
            return False
        stored = self._database.recorded(log, place_of(number, offset))
        if stored is None:
            return any(void.record == record for void in self._database.voids_at(log, place_of(number, offset)))
        try:
            return parse_record(record).hash(self._database.identities()[log].id) == stored.hash
        except LedgerError:
            return False
