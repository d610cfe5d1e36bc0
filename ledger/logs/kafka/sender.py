"""Group commit: all appends that wait go out together, then the next that gathered meanwhile."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ledger.errors import TooLargeError, UnavailableError
from ledger.logs.kafka.client import Producer, Refusal, Spot
from ledger.logs.kafka.waiters import AppendWaiter, Waiters
from ledger.store.fold import Arrival
from schemas.errors import LedgerError
from schemas.records import Record

DELIVERY_SECONDS = 3.0
_AGAIN_SECONDS = 0.1


@dataclass(slots=True)
class Parcel:
    """The records of one append: they go into one batch or are not sent.

    It goes `alone` after the broker refused a batch that it was in.
    """

    spot: Spot
    records: Sequence[Record]
    size: int
    waiter: AppendWaiter
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a sender asks of others: whom to tell what was stored, and what is so on the broker now."""

    stored: Callable[[Spot, list[Arrival]], object]
    batch_limit: Callable[[str], Awaitable[int]]
    """The bytes that one batch of a topic may hold."""
    read_to_end: Callable[[Spot], Awaitable[None]]


def pack_round(waiting: "deque[Parcel]", limits: Mapping[str, int]) -> dict[Spot, list[Parcel]]:
    """Take parcels in order, as many as fit into one batch a spot; the rest stay for the next round.

    A parcel whose append has an answer already is left out: nobody waits for it, so it is not sent.
    `limits` is the size of a batch of each topic in bytes.
    """
    batches: dict[Spot, list[Parcel]] = {}
    sizes: dict[Spot, int] = {}
    later: list[Parcel] = []
    full: set[Spot] = set()
    while waiting:
        parcel = waiting.popleft()
        if parcel.waiter.answer.done():
            continue
        size = sizes.get(parcel.spot, 0) + parcel.size
        crowded = parcel.spot in batches and (parcel.alone or size > limits[parcel.spot[0]])
        if parcel.spot in full or crowded:
            full.add(parcel.spot)
            later.append(parcel)
            continue
        sizes[parcel.spot] = size
        batches.setdefault(parcel.spot, []).append(parcel)
        if parcel.alone:
            full.add(parcel.spot)
    waiting.extend(later)
    return batches


class Sender:
    """Sends round after round; what may be stored is not sent again."""

    def __init__(
        self,
        producer: Producer,
        limits: Mapping[str, int],
        waiters: Waiters,
        neighbours: Neighbours,
        *,
        delivery_seconds: float = DELIVERY_SECONDS,
    ) -> None:
        """`limits` is the size of a batch of each topic in bytes, as far as is known now."""
        self._producer = producer
        self._limits = dict(limits)
        self._waiters = waiters
        self._neighbours = neighbours
        self._delivery_seconds = delivery_seconds
        self._waiting: deque[Parcel] = deque()
        self._awake = asyncio.Event()

    @property
    def replacements(self) -> int:
        """How often the producer was dropped after an error, for another one."""
        return self._producer.replacements

    def limit(self, topic: str) -> int:
        """The bytes that one append to a topic may take."""
        return self._limits[topic]

    def submit(self, parcel: Parcel) -> None:
        """Send with the next round."""
        self._waiting.append(parcel)
        self._awake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            while self._waiting:
                if await self._ready() and (packed := pack_round(self._waiting, self._limits)):
                    await self._send(packed)

    async def _ready(self) -> bool:
        """Whether what waits can be sent now: nothing is packed for a broker that is away."""
        try:
            await self._producer.ready({parcel.spot[0] for parcel in self._waiting}, self._delivery_seconds)
        except UnavailableError as error:
            for parcel in self._waiting:
                parcel.waiter.held_up = str(error)
            await asyncio.sleep(_AGAIN_SECONDS)
            self._waiting = deque(parcel for parcel in self._waiting if not parcel.waiter.answer.done())
            return False
        return True

    async def _send(self, packed: Mapping[Spot, list[Parcel]]) -> None:
        """Send one round. Who waits for what is in doubt is told at the deadline, unless it turns up."""
        batches: dict[Spot, list[Record]] = {}
        for spot, parcels in packed.items():
            batches[spot] = [record for parcel in parcels for record in parcel.records]
            for parcel in parcels:
                parcel.waiter.sent = True
        sent = await self._producer.deliver(batches, self._delivery_seconds)
        for spot, arrivals in sent.stored.items():
            self._neighbours.stored(spot, arrivals)
        for spot, refusal in sent.refused.items():
            if refusal is Refusal.TOO_LARGE:
                await self._sort_out(spot, packed[spot])
            else:
                await self._refuse(packed[spot], _denied(spot))

    async def _sort_out(self, spot: Spot, parcels: Sequence[Parcel]) -> None:
        """The broker takes no batch of this size any more: each of its parcels is decided by itself."""
        topic = spot[0]
        with suppress(UnavailableError):
            self._limits[topic] = await self._neighbours.batch_limit(topic)
        limit = self._limits[topic]
        again: list[Parcel] = []
        for parcel in parcels:
            if parcel.size > limit or len(parcels) == 1:
                await self._refuse([parcel], TooLargeError(parcel.size, min(limit, parcel.size - 1)))
            else:
                parcel.alone = True
                again.append(parcel)
        self._waiting.extendleft(reversed(again))

    async def _refuse(self, parcels: Sequence[Parcel], error: LedgerError) -> None:
        """Answer with an error those who wait for what the broker did not take.

        An earlier copy may be stored, of which the broker told while the connection broke; so the log
        is read to its end first.
        """
        try:
            async with asyncio.timeout(self._delivery_seconds):
                await self._neighbours.read_to_end(parcels[0].spot)
        except (UnavailableError, TimeoutError):
            return  # then it is in doubt
        for parcel in parcels:
            self._waiters.fail(parcel.waiter, error)


def _denied(spot: Spot) -> LedgerError:
    return UnavailableError(
        f"Kafka does not let us write to topic {spot[0]}: nothing was stored. Give this user the right WRITE on it."
    )
