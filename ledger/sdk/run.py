"""A run, as a script holds it."""

from ledger.sdk.attributes import RunAttributes
from ledger.sdk.lifecycle import RunLifecycle
from ledger.sdk.metrics import RunMetrics


class Run(RunMetrics, RunAttributes, RunLifecycle):
    """A handle on a run; what it asks is answered by the ledger, never from memory."""

    def __repr__(self) -> str:
        """Its id and experiment."""
        return f"Run({self.id!r}, experiment={self.experiment.name!r})"
