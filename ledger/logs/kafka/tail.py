"""The tail: reads the topics in order, folds them into ledger.db, and answers who waits."""

from collections import Counter, deque
from collections.abc import Mapping

from ledger.errors import LogRefusedError, UnavailableError
from ledger.logs.kafka.client import Spot
from ledger.logs.kafka.consumer import Consumer
from ledger.logs.kafka.waiters import Waiters
from ledger.store.database import Database
from ledger.store.fold import Accepted, Arrival, Folded, Head, Partition, Progress, fold
from ledger.store.tables import place_of
from schemas.streams import LogName

_HEADS_KEPT = 200_000


class Tail:
    """Folds what one consumer reads; other processes may fold into the same file meanwhile."""

    def __init__(self, database: Database, partitions: Mapping[Spot, Partition], waiters: Waiters) -> None:
        """Go on where the file stands."""
        self._database = database
        self._partitions = dict(partitions)
        self._waiters = waiters
        self._heads: dict[str, Head] = {}
        self._unread: dict[Spot, deque[Arrival]] = {spot: deque() for spot in partitions}
        self.progress: dict[Spot, Progress] = {}
        self._passed: dict[Spot, int] = {}
        self.batches: Counter[LogName] = Counter()
        self.records: Counter[LogName] = Counter()
        self._reload()

    def offsets(self) -> dict[Spot, int]:
        """The next offset of each partition."""
        return {spot: max(progress.next_offset, self._passed.get(spot, 0)) for spot, progress in self.progress.items()}

    def head(self, stream: str) -> Head | None:
        """The head of a stream, as far as the tail has read."""
        found = self._heads.get(stream)
        if found is None:
            found = self._database.head(stream)
            if found is not None:
                self._remember({stream: found})
        return found

    async def run(self, consumer: Consumer) -> None:
        """Read and fold until cancelled."""
        self._forget_unread()
        consumer.read_from(self.offsets())
        while True:
            found = await consumer.fetch()
            if not found:
                # The end of a stranger's transaction takes an offset, and no record will ever be read from it.
                self._passed = await consumer.positions(self._partitions)
                self._waiters.progressed(self.offsets())
            for spot, arrivals in found.items():
                if not self.take(spot, arrivals):
                    for each, offset in self.offsets().items():
                        consumer.seek(each, offset)
                    break

    def acknowledged(self, spot: Spot, arrivals: list[Arrival]) -> None:
        """Fold what the broker acknowledged to us, if it lies just behind what was read.

        It is read from the log all the same, and must then be what was folded (ADR 0006).
        """
        if arrivals[0].offset != self.progress[spot].next_offset:
            return
        try:
            if self._fold(spot, arrivals):
                self._unread[spot].extend(arrivals)
        except UnavailableError:
            return  # the file could not take it now: it is read from the log, again and again

    def take(self, spot: Spot, arrivals: list[Arrival]) -> bool:
        """Fold a stretch that was read; False when another process was first.

        Raises:
            LogRefusedError: the log holds another record than it acknowledged.
        """
        return self._fold(spot, self._without_known(spot, arrivals))

    def _without_known(self, spot: Spot, arrivals: list[Arrival]) -> list[Arrival]:
        unread = self._unread[spot]
        for index, arrival in enumerate(arrivals):
            if arrival.offset >= self.progress[spot].next_offset:
                return arrivals[index:]
            while unread and unread[0].offset < arrival.offset:
                unread.popleft()
            if unread and unread[0].offset == arrival.offset and unread.popleft() != arrival:
                raise LogRefusedError(
                    f"record {arrival.offset} of topic {spot[0]} is not the one that the broker acknowledged there: "
                    "the cluster lost what it had stored. Check it, and make the replica anew from the topic."
                )
        return []

    def _fold(self, spot: Spot, arrivals: list[Arrival]) -> bool:
        if not arrivals:
            return True
        folded: Folded | None = None
        try:
            with self._database.writing() as connection:
                partition = self._partitions[spot]
                if self._database.progress(partition.log, partition.number) == self.progress[spot]:
                    folded = fold(arrivals, partition=partition, progress=self.progress[spot], head=self.head)
                    self._database.store(connection, partition, folded)
        except BaseException:
            self._reload()
            raise
        if folded is None:
            self._reload()
            return False
        log = self._partitions[spot].log
        self.batches[log] += 1
        self.records[log] += len(arrivals)
        # Heads are trusted only once they are committed.
        self.progress[spot] = folded.progress
        self._remember(folded.heads)
        self._answer(spot, folded.accepted)
        return True

    def _answer(self, spot: Spot, accepted: list[Accepted]) -> None:
        if self._waiters.appends():
            number = self._partitions[spot].number
            for event in accepted:
                envelope = event.envelope
                self._waiters.saw(envelope.stream, envelope.seq, event.hash, place_of(number, event.offset))
        self._waiters.progressed(self.offsets())

    def _reload(self) -> None:
        self._heads.clear()
        self._passed.clear()
        self._forget_unread()
        self.progress = {
            spot: self._database.progress(partition.log, partition.number)
            for spot, partition in self._partitions.items()
        }
        for waiter in self._waiters.appends():
            self._answer_from_file(waiter.stream, waiter.links[0].envelope.seq, len(waiter.links))
        self._waiters.progressed(self.offsets())

    def _forget_unread(self) -> None:
        for unread in self._unread.values():
            unread.clear()

    def _answer_from_file(self, stream: str, seq: int, count: int) -> None:
        for log in {partition.log for partition in self._partitions.values()}:
            found = self._database.stream_events(stream, log=log, after_seq=seq - 1, upto_seq=seq + count - 1)
            for event in found:
                self._waiters.saw(stream, event.envelope.seq, event.hash, event.place)

    def _remember(self, heads: Mapping[str, Head]) -> None:
        if len(self._heads) + len(heads) > _HEADS_KEPT:
            self._heads.clear()
        self._heads.update(heads)
