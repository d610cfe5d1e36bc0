"""The Run that users import: it finds the workspace of its process."""

import logging
import os
import sys
from pathlib import Path
from re import sub

from ledger.errors import WorkspaceError
from ledger.sdk.experiment import Experiment
from ledger.sdk.run import Run, ScriptRun
from runledger.locating import VARIABLE, locate_by_config, located
from runledger.workspace import Workspace

__all__ = ["Run", "ScriptRun", "get_run"]

_UNNAMED = "scripts"

_log = logging.getLogger(__name__)


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True) -> Run:
    """The run of an id, in the workspace of an experiment (parity 2.A); raises RunNotFoundError.

    `rehydrate` makes it of the class that its type has; without it is a plain `Run`.
    """
    workspace = experiment.workspace
    return Run.made_from(workspace, workspace.client.run(run_id), rehydrate=rehydrate)


def find_workspace() -> Workspace:
    """The workspace that the environment names, or the nearest upwards."""
    return Workspace(located(lambda: os.environ.get(VARIABLE) or locate_by_config(Path.cwd(), os.environ), os.environ))


def find_own() -> Run:
    """A run of a script that nobody submitted, in the experiment that has the script's name."""
    try:
        workspace = find_workspace()
    except WorkspaceError:
        if os.environ.get(VARIABLE):
            raise
        from runledger.wiring import make_workspace  # noqa: PLC0415 - only where there is none

        folder = make_workspace(Path.cwd(), log=None)
        _log.warning("this script was not submitted and there is no workspace here: %s was made", folder.path)
        workspace = Workspace(folder.path.parent)
    name = sub(r"[^A-Za-z0-9_-]", "-", Path(sys.argv[0]).stem if sys.argv else "").lstrip("-_")
    return Experiment(workspace, name or _UNNAMED).start_logging()


Run.find_workspace = staticmethod(find_workspace)
Run.find_own = staticmethod(find_own)
