"""How the SDK and the command line reach a ledger, wherever it is."""

from typing import Protocol

from ledger.commands import Answer, Command
from ledger.queries import HistoryEntry, RunDocument, RunPage, RunQuery


class Client(Protocol):
    """A connection to one workspace. What it wrote, it reads: queries wait for its own positions."""

    @property
    def location(self) -> str:
        """The path or URL that the workspace was named by."""

    def execute(self, command: Command) -> Answer:
        """Carry out a command; raises what `Ledger.handle` raises."""

    def runs(self, query: RunQuery) -> RunPage:
        """A page of runs."""

    def run(self, run_id: str) -> RunDocument:
        """One run; raises RunNotFoundError."""

    def history(self, run_id: str) -> list[HistoryEntry]:
        """Every event of a run; raises RunNotFoundError."""

    def close(self) -> None:
        """Give back what is held; the client cannot be used afterwards."""
