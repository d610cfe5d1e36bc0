"""Group commit: all appends that wait go out together, then the next that gathered meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import UnavailableError
from ledger.logs.kafka.client import Producer, Spot
from ledger.store.fold import Arrival
from schemas.records import Record

DELIVERY_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """The records of one append: they go into one batch or are not sent."""

    spot: Spot
    records: Sequence[Record]
    size: int


def pack_round(waiting: "deque[Parcel]", limit: int) -> dict[Spot, list[Record]]:
    """Take parcels in order, as many as fit into one batch a spot; the rest stay for the next round."""
    batches: dict[Spot, list[Record]] = {}
    sizes: dict[Spot, int] = {}
    later: list[Parcel] = []
    full: set[Spot] = set()
    while waiting:
        parcel = waiting.popleft()
        size = sizes.get(parcel.spot, 0) + parcel.size
        if parcel.spot in full or (size > limit and parcel.spot in batches):
            full.add(parcel.spot)
            later.append(parcel)
            continue
        sizes[parcel.spot] = size
        batches.setdefault(parcel.spot, []).extend(parcel.records)
    waiting.extend(later)
    return batches


class Sender:
    """Sends round after round; what fails is not sent again, since its outcome is in doubt."""

    def __init__(self, producer: Producer, limit: int, stored: Callable[[Spot, list[Arrival]], object]) -> None:
        """`limit` is the size of a batch in bytes; `stored` is told what the broker acknowledged."""
        self._producer = producer
        self._stored = stored
        self._limit = limit
        self._waiting: deque[Parcel] = deque()
        self._awake = asyncio.Event()

    @property
    def replacements(self) -> int:
        """How often the producer was dropped after an error, for another one."""
        return self._producer.replacements

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
                try:
                    sent = await self._producer.send(pack_round(self._waiting, self._limit), DELIVERY_SECONDS)
                    for spot, arrivals in sent.items():
                        self._stored(spot, arrivals)
                except UnavailableError:
                    # Who waits for these records is told at the deadline, unless they turn up.
                    self._waiting.clear()
