"""A client that opens the workspace itself, without a server."""

from collections.abc import Callable

from ledger.application.handling import Caller, Ledger
from ledger.commands import Answer, Command
from ledger.logs.log import Log
from ledger.queries import HistoryEntry, Queries, RunDocument, RunPage, RunQuery


class EmbeddedClient:
    """Commands go straight to the ledger; queries wait for the log's end and for our own writes."""

    def __init__(self, location: str, ledger: Ledger, caller: Caller, log: Log, queries: Queries) -> None:
        """Join the parts, which the composition root opened and closes through `on_close`."""
        self._location = location
        self._ledger = ledger
        self._caller = caller
        self._log = log
        self._queries = queries
        self._written = 0
        self._close: Callable[[], None] = lambda: None

    @property
    def location(self) -> str:
        """The workspace folder."""
        return self._location

    def execute(self, command: Command) -> Answer:
        """Carry out a command."""
        answer = self._ledger.handle(command, self._caller)
        self._written = max(self._written, answer.position)
        return answer

    def runs(self, query: RunQuery) -> RunPage:
        """A page of runs, as of now."""
        self._log.catch_up()
        return self._queries.runs(query, at_least=self._written)

    def run(self, run_id: str) -> RunDocument:
        """One run, as of now."""
        self._log.catch_up()
        return self._queries.run(run_id, at_least=self._written)

    def history(self, run_id: str) -> list[HistoryEntry]:
        """Every event of a run, as of now."""
        self._log.catch_up()
        return self._queries.history(run_id, at_least=self._written)

    def on_close(self, close: Callable[[], None]) -> None:
        """What `close` shall do."""
        self._close = close

    def close(self) -> None:
        """Give back what was opened for this client; calling it again does nothing."""
        close, self._close = self._close, lambda: None
        close()
