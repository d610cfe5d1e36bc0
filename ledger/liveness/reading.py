"""Reading the presence records of all servers from ledger.db, each once."""

from collections.abc import Callable

from ledger.liveness.roll import LONG_AGO
from ledger.store.database import Database, Recorded
from schemas.events import PresenceReportedEvent
from schemas.registry import decode
from schemas.streams import PRESENCE_STREAMS, VALUES

LOOK_BACK_WRITERS = 500_000
"""How far a server looks back when it starts, counted in reported writers: a few seconds of reading."""

_CHUNK = 200

Take = Callable[[PresenceReportedEvent, int, float], None]
"""Told a record, the time of record in epoch milliseconds, and the time of reading."""


class PresenceReading:
    """Begins with the latest records, then reads on."""

    def __init__(self, database: Database, *, look_back: int = LOOK_BACK_WRITERS) -> None:
        """Nothing was read."""
        self._database = database
        self._look_back = look_back
        self._read: dict[str, int] | None = None

    def read(self, take: Take, at: float) -> None:
        """Hand over what is new, as read `at` this time; what was there before the first reading is long ago."""
        with self._database.clear_errors():
            self._read_new(take, at)

    def _read_new(self, take: Take, at: float) -> None:
        heads = {name: head.seq for name, head in self._database.heads_of(PRESENCE_STREAMS).items()}
        if self._read is None:
            self._read_back(heads, take)
        else:
            for stream, seq in heads.items():
                after = self._read.get(stream, -1)
                if after < seq:
                    for found in self._database.stream_events(stream, log=VALUES, after_seq=after, upto_seq=seq):
                        _hand_over(found, take, at)
        self._read = heads

    def _read_back(self, heads: dict[str, int], take: Take) -> None:
        left = {stream: seq for stream, seq in heads.items() if seq >= 0}
        writers = 0
        while left and writers < self._look_back:
            for stream, upto in list(left.items()):
                found = self._database.stream_events(stream, log=VALUES, upto_seq=upto, descending=True, limit=_CHUNK)
                writers += sum(_hand_over(each, take, LONG_AGO) for each in found)
                left[stream] = upto - _CHUNK
                if len(found) < _CHUNK:
                    del left[stream]


def _hand_over(found: Recorded, take: Take, at: float) -> int:
    event = decode(found.envelope.type, found.envelope.value)
    if not isinstance(event, PresenceReportedEvent):
        return 0
    take(event, found.recorded_at, at)
    return len(event.writers)
