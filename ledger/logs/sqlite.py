"""The embedded logs: tables of ledger.db, where a transaction arbitrates."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from ledger.errors import LostRaceError
from ledger.logs.genesis import genesis
from ledger.logs.log import Figures, Link, Told
from ledger.logs.repeat import earlier_places
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Arrival, Folded, Head, Partition, fold
from schemas.streams import LogName


@dataclass(slots=True)
class _Request:
    links: Sequence[Link]
    places: list[int] = field(default_factory=list)
    error: BaseException | None = None
    answered: bool = False


class SqliteLog:
    """One log in one SQLite file. Threads that append at once share a commit."""

    def __init__(self, database: Database, identity: LogIdentity, *, now: Callable[[], datetime]) -> None:
        """Use `open_sqlite_log`, which reads or makes the identity."""
        self._database = database
        self._partition = Partition(identity.name, identity.id)
        self._now = now
        self._waiting: deque[_Request] = deque()
        self._committing = threading.Lock()

    @property
    def id(self) -> str:
        """The id from the genesis."""
        return self._partition.log_id

    def append(self, links: Sequence[Link]) -> list[int]:
        """Append the events of one stream, all or none; see `Log.append`."""
        request = _Request(links)
        self._waiting.append(request)
        with self._committing:
            if not request.answered:
                self._commit_all_waiting()
        if request.error is not None:
            raise request.error
        return request.places

    def catch_up(self, told: Told | None = None) -> None:
        """Nothing to wait for: the log is the file."""

    def stopped(self) -> None:
        """Nothing stops a file that was opened."""

    def figures(self) -> Figures:
        """Never behind: the log is the file."""
        return Figures()

    def close(self) -> None:
        """Nothing is held; the database belongs to who opened it."""

    def _commit_all_waiting(self) -> None:
        requests: list[_Request] = []
        while self._waiting:
            requests.append(self._waiting.popleft())
        try:
            self._commit(requests)
        except BaseException as error:
            for request in requests:
                request.error = request.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for request in requests:
                request.answered = True

    def _commit(self, requests: Sequence[_Request]) -> None:
        with self._database.writing() as connection:
            total = Folded(self._database.progress(self._partition.log))
            for request in requests:
                self._fold_request(request, total)
            if total.accepted:
                self._database.store(connection, self._partition, total)

    def _fold_request(self, request: _Request, total: Folded) -> None:
        def head(stream: str) -> Head | None:
            return total.heads.get(stream) or self._database.head(stream)

        folded = fold(self._arrivals(request, total), partition=self._partition, progress=total.progress, head=head)
        if folded.voids:
            self._answer_loser(request)
            return
        request.places = [event.offset for event in folded.accepted]
        total.progress = folded.progress
        total.accepted += folded.accepted
        total.heads |= folded.heads

    def _answer_loser(self, request: _Request) -> None:
        earlier = earlier_places(self._database, self._partition.log, request.links)
        if earlier is None:
            first = request.links[0].envelope
            request.error = LostRaceError(first.stream, first.seq)
        else:
            request.places = earlier

    def _arrivals(self, request: _Request, total: Folded) -> list[Arrival]:
        milliseconds = int(self._now().timestamp() * 1000)
        start = total.progress.next_offset
        return [
            Arrival(start + index, milliseconds, link.envelope.record()) for index, link in enumerate(request.links)
        ]


def open_sqlite_log(
    database: Database, name: LogName, *, source: str, actor: str, now: Callable[[], datetime]
) -> SqliteLog:
    """Open a log of the file; the first to open it writes its genesis."""
    identity = database.identities().get(name) or _make(database, name, source, actor, now)
    return SqliteLog(database, identity, now=now)


def _make(database: Database, name: LogName, source: str, actor: str, now: Callable[[], datetime]) -> LogIdentity:
    with database.writing() as connection:
        known = database.identities().get(name)
        if known is not None:
            return known
        identity = LogIdentity(name, str(uuid4()), 1)
        database.identify(connection, identity)
        partition = Partition(name, identity.id)
        first = genesis(identity, source=source, actor=actor, now=now)
        arrival = Arrival(0, int(now().timestamp() * 1000), first.record())
        progress = database.progress(name)
        folded = fold([arrival], partition=partition, progress=progress, head=database.head)
        database.store(connection, partition, folded)
        return identity
