"""One log of a ledger.db as it is written: what waits for its time, and what the store is given."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime
from operator import itemgetter
from sqlite3 import Connection
from typing import Generic, TypeVar

from benchmarks.workspaces.links import SECOND, Chained, Loose
from benchmarks.workspaces.world import SOURCE
from ledger.logs.genesis import genesis
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Accepted, Arrival, Folded, Head, Partition, fold, next_running
from schemas.records import Envelope

E = TypeVar("E", bound=Chained | Loose)

_MOMENT = itemgetter(0)
_MILLISECOND = 1_000


class LogWriter(Generic[E]):
    """Writes accepted events in the order of their moments."""

    def __init__(self, database: Database, identity: LogIdentity) -> None:
        """Write the log of this identity into a file that does not have it yet."""
        self._database, self._identity = database, identity
        self._partition = Partition(identity.name, identity.id)
        self._waiting: list[E] = []
        self._folded = Folded(database.progress(identity.name))

    @property
    def written(self) -> int:
        """How many events there are, the genesis included."""
        return self._folded.progress.next_offset

    def begin(self, connection: Connection, moment: int) -> None:
        """Write the genesis, recorded at a moment in epoch microseconds."""
        self._database.identify(connection, self._identity)
        now = datetime.fromtimestamp(moment // SECOND, UTC)
        first = genesis(self._identity, source=SOURCE, actor="root", now=lambda: now)
        arrival = Arrival(0, moment // _MILLISECOND, first.record())
        self._folded = fold(
            [arrival], partition=self._partition, progress=self._folded.progress, head=self._database.head
        )
        self.store(connection)

    def take(self, events: Iterable[E]) -> None:
        """Take in events that are to be written in their time."""
        self._waiting += events
        self._waiting.sort(key=_MOMENT)

    def due(self, until: int) -> list[E]:
        """What is to be written before a moment, in order."""
        end = bisect_left(self._waiting, until, key=_MOMENT)
        found, self._waiting = self._waiting[:end], self._waiting[end:]
        return found

    def write(self, event: Chained) -> int:
        """Write an event behind all others, and answer with its offset."""
        moment, fields, event_hash = event
        folded = self._folded
        offset, recorded_at, running = folded.progress
        recorded_at = max(recorded_at, moment // _MILLISECOND)
        running = next_running(running, offset, recorded_at, event_hash)
        folded.accepted.append(Accepted(offset, recorded_at, Envelope._make(fields), event_hash, running, None))
        folded.heads[fields[0]] = Head(fields[1], event_hash)
        folded.progress = folded.progress._replace(next_offset=offset + 1, recorded_at=recorded_at, running=running)
        return offset

    def store(self, connection: Connection) -> None:
        """Put what was written into the file."""
        self._database.store(connection, self._partition, self._folded)
        self._folded = Folded(self._folded.progress)
