"""What a place for submitted scripts can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SCRIPT_RUN = "azureml.scriptrun"
"""The type of submitted runs, by the name that scripts of the original look for."""

RUN_ID, RUN_FOLDER = "RUNLEDGER_RUN_ID", "RUNLEDGER_RUN_FOLDER"
"""What a submitted script is told: which run it is, and the folder of that run on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What shall be run, for which run, begun by which command; `environment` is added to what is there.

    The command is carried out in a folder of its own, which holds what `snapshot` does: the path of a
    zip, read before `submit` comes back.
    """

    run_id: str
    begun_by: str
    command: Sequence[str]
    snapshot: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    max_seconds: float | None = None


class Target(Protocol):
    """A named place. It sees to the end of what it was given."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def grace_seconds(self) -> float:
        """How long processes that are asked to end may take, before they are killed."""

    def submit(self, job: Job) -> None:
        """Take a job, and come back once the run's end is in its care; raises ExperimentExecutionError."""

    def cancel(self, run_id: str) -> None:
        """Have it look at the run now: that it shall be canceled is in the ledger already."""

    def poll(self, run_id: str) -> bool | None:
        """Whether somebody still sees to the run; None if that cannot be known from here."""

    def logs(self, run_id: str) -> Path:
        """The file into which the script's output goes; it may not be there (yet, or here)."""
