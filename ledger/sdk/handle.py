"""What every part of a run's handle stands on: which run it is, and the way to the ledger."""

from typing import TYPE_CHECKING, Any, BinaryIO

from ledger.commands import RunCommand

if TYPE_CHECKING:
    from ledger.artifacts.content import Content
    from ledger.client import Client
    from ledger.sdk.experiment import Experiment


class RunHandle:
    """A handle on a run; what it asks is answered by the ledger, never from memory."""

    def __init__(self, experiment: "Experiment", run_id: str) -> None:
        """Hold a run that is there."""
        self.experiment = experiment
        self.id = run_id
        self._tracker = experiment.workspace.tracker
        self._seen: dict[str, Any] | None = None

    def see(self, document: dict[str, Any]) -> None:
        """Take a document of this run, which somebody has asked for, as last seen."""
        self._seen = document

    def _execute(self, command: RunCommand) -> None:
        self._seen = None
        self._tracker.execute(command, self.id)

    def _put(self, source: BinaryIO) -> "Content":
        """Store what a file holds, before a command names it."""
        return self._tracker.put_content(source, self.id)

    @property
    def _client(self) -> "Client":
        return self.experiment.workspace.client

    def _document(self) -> dict[str, Any]:
        self._seen = self._client.run(self.id)
        return self._seen
