"""A run, as a script holds it."""

from ledger.errors import RefusedError
from ledger.sdk.alerts import RunAlerts
from ledger.sdk.attributes import RunAttributes
from ledger.sdk.context import RunContext
from ledger.sdk.figures import RunFigures
from ledger.sdk.lifecycle import RunLifecycle
from ledger.sdk.snapshots import RunSnapshots
from ledger.targets.target import SCRIPT_RUN


class Run(RunFigures, RunSnapshots, RunAttributes, RunAlerts, RunLifecycle, RunContext):
    """A handle on a run; what it asks is answered by the ledger, never from memory."""

    def __repr__(self) -> str:
        """Its id and experiment."""
        return f"{type(self).__name__}({self.id!r}, experiment={self.experiment.name!r})"


class ScriptRun(Run):
    """A run that was submitted: a supervisor sets its status."""

    RUN_TYPE = SCRIPT_RUN

    def complete(self, reason: str | None = None) -> None:
        """In the script, deliver what was logged.

        Raises:
            RefusedError: elsewhere, for only the end of the script completes a submitted run.
        """
        if not self.is_own_script:
            raise RefusedError(
                f"run {self.id} was submitted, and is completed by the end of its script: "
                "wait_for_completion() waits for it, cancel() and fail() end it"
            )
        super().complete(reason)


Run.add_type_provider(SCRIPT_RUN, lambda experiment, document: ScriptRun(experiment, document["run_id"]))
