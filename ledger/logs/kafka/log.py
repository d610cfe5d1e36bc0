"""One log of a ledger on Kafka, for callers in the log's own event loop."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from ledger.errors import LostRaceError, TooLargeError, UnavailableError
from ledger.logs.kafka.client import Spot, size_of
from ledger.logs.kafka.consumer import Consumer
from ledger.logs.kafka.lag import Lag
from ledger.logs.kafka.sender import Parcel, Sender
from ledger.logs.kafka.standing import Standing
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.waiters import Waiters
from ledger.logs.log import Figures, Link, Told
from ledger.logs.repeat import earlier_places
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import follows
from schemas.errors import LedgerError
from schemas.streams import partition_of

APPEND_SECONDS = 8.0
CATCH_UP_SECONDS = 60.0
_LOOK_SECONDS = 0.25


class KafkaLog:
    """Sends through the shared sender, and answers what the shared tail has read."""

    def __init__(
        self,
        identity: LogIdentity,
        topic: str,
        *,
        sender: Sender,
        tail: Tail,
        waiters: Waiters,
        standing: Standing,
        database: Database,
        ends: Consumer,
    ) -> None:
        """Use `ledger.logs.kafka.opening`, which checks the topics first."""
        self._identity = identity
        self._topic = topic
        self._sender = sender
        self._tail = tail
        self._waiters = waiters
        self._database = database
        self._ends = ends
        self._standing = standing
        self._lag = Lag(time.monotonic())

    @property
    def id(self) -> str:
        """The id from the genesis."""
        return self._identity.id

    async def append(self, links: Sequence[Link], *, seconds: float = APPEND_SECONDS) -> list[int]:
        """Append the events of one stream, all or none; see `Log.append`."""
        stream = links[0].envelope.stream
        records = [link.envelope.record() for link in links]
        size = sum(map(size_of, records))
        while (before := self._waiters.waiting_for(stream)) is not None:
            # Never sent behind an unanswered append of our own: it could be accepted on a rival's head.
            await asyncio.wait([before.answer])
        self._standing.check_writable()
        earlier = self._check_follows(links)
        if earlier is not None:
            return earlier
        if size > (limit := self._sender.limit(self._topic)):
            raise TooLargeError(size, limit)
        waiter = self._waiters.add(links, seconds)
        partition = partition_of(stream, self._identity.partitions)
        self._sender.submit(Parcel((self._topic, partition), records, size, waiter))
        return await waiter.answer

    async def catch_up(self, told: Told | None = None, *, seconds: float = CATCH_UP_SECONDS) -> None:
        """Wait until all that was in the log at the call is in ledger.db, as long as there is any progress.

        Raises:
            UnavailableError: no record was read for so many seconds.
        """
        self._standing.check_readable()
        ends = await self._known_ends(seconds)
        reached = self._waiters.until(ends, self._tail.offsets())
        first = last = self._read_of(ends)
        deadline = asyncio.get_running_loop().time() + seconds
        while not reached.done():
            if told is not None:
                told(last - first, sum(ends.values()) - first)
            await asyncio.wait([reached], timeout=_LOOK_SECONDS)
            read, now = self._read_of(ends), asyncio.get_running_loop().time()
            if read > last:
                last, deadline = read, now + seconds
            elif now > deadline and not reached.done():
                reached.cancel()
                raise UnavailableError(
                    f"topic {self._topic} was read up to {read} of {sum(ends.values())} records, "
                    f"and no further for {seconds:.0f} s"
                )
        reached.result()

    async def _known_ends(self, seconds: float) -> Mapping[Spot, int]:
        try:
            async with asyncio.timeout(seconds):
                return await self._ends.ends([(self._topic, number) for number in range(self._identity.partitions)])
        except TimeoutError as error:
            raise UnavailableError(f"the end of topic {self._topic} was not told within {seconds:.0f} s") from error

    def _read_of(self, ends: Mapping[Spot, int]) -> int:
        offsets = self._tail.offsets()
        return sum(min(offsets.get(spot, 0), end) for spot, end in ends.items())

    def stopped(self) -> LedgerError | None:
        """Why nothing may be appended, if so; see `Log.stopped`."""
        return self._standing.stopped()

    async def measure(self) -> None:
        """Find out how far the tail is behind the end; see `figures`."""
        asked_at = time.monotonic()
        ends = await self._ends.ends([(self._topic, number) for number in range(self._identity.partitions)])
        self._lag.told(asked_at, ends, self._tail.offsets())

    def figures(self) -> Figures:
        """How far the tail is behind, as it was measured last, and what it read."""
        name = self._identity.name
        return Figures(
            self._lag.records(self._tail.offsets()),
            self._lag.seconds(time.monotonic()),
            self._tail.batches[name],
            self._tail.records[name],
            self._sender.replacements,
        )

    def cannot_read(self, error: UnavailableError) -> None:
        """Tell those who wait for the end of a log that it cannot be read now."""
        self._waiters.fail_readers(error)

    def _check_follows(self, links: Sequence[Link]) -> list[int] | None:
        head = self._tail.head(links[0].envelope.stream)
        if follows(links[0].envelope, head) and _contiguous(links):
            return None
        earlier = earlier_places(self._database, self._identity.name, links)
        if earlier is None:
            raise LostRaceError(links[0].envelope.stream, links[0].envelope.seq)
        return earlier


def _contiguous(links: Sequence[Link]) -> bool:
    seqs = [link.envelope.seq for link in links]
    return seqs == list(range(seqs[0], seqs[0] + len(seqs)))
