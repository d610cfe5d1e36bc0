"""Writing down what a server heard: one coalesced record an interval, in a stream of the server's own."""

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from uuid import UUID, uuid5

from ledger.application.handling import Caller
from ledger.errors import LostRaceError
from ledger.liveness.heard import Heard, Sign
from ledger.logs.genesis import rfc3339
from ledger.logs.log import Log, chain, prev_of
from ledger.store.database import Database
from schemas.errors import LedgerError
from schemas.events import PresenceReportedEvent, PresentWriter
from schemas.records import Envelope
from schemas.streams import presence_stream

WRITERS_PER_RECORD = 1_000
"""About 150 kB: far below what a broker takes at once."""


class Reporting:
    """Appends to the values log what was heard since the last record; nothing if nothing was."""

    def __init__(
        self, heard: Heard, log: Log, database: Database, caller: Caller, server: str, *, now: Callable[[], datetime]
    ) -> None:
        """Write for a server whose name no other process has: letters, digits, `.`, `_` and `-`."""
        self._heard = heard
        self._log = log
        self._database = database
        self._caller = caller
        self._server = server
        self._stream = presence_stream(server)
        self._now = now
        self._writing = Lock()
        self.records = self.writers = 0

    def report(self, seconds: float) -> None:
        """Write what was heard within the last `seconds`.

        Raises:
            UnavailableError: it could not be written; who lives is heard again.
        """
        with self._writing:
            signs = self._heard.take(seconds)
            self.writers = len(signs)
            for start in range(0, len(signs), WRITERS_PER_RECORD):
                try:
                    self._write(signs[start : start + WRITERS_PER_RECORD])
                except LedgerError:
                    self._heard.put_back(signs[start:])
                    raise

    def _write(self, signs: Sequence[Sign]) -> None:
        try:
            self._append(signs)
        except LostRaceError:
            # An append that was given up as unknown has arrived after all.
            self._log.catch_up()
            self._append(signs)
        self.records += 1

    def _append(self, signs: Sequence[Sign]) -> None:
        with self._database.clear_errors():
            head = self._database.head(self._stream)
        seq = head.seq + 1 if head else 1
        event = PresenceReportedEvent(server=self._server, writers=[PresentWriter(**each._asdict()) for each in signs])
        envelope = Envelope(
            stream=self._stream,
            seq=seq,
            prev=prev_of(head),
            id=str(uuid5(UUID(self._log.id), f"{self._stream}:{seq}")),
            source=self._caller.source,
            type=event.type_name(),
            time=rfc3339(self._now()),
            actor=self._caller.actor,
            value=event.to_value(),
        )
        self._log.append(chain(self._log.id, [envelope]))
