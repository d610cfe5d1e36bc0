"""How a run of a script begins: anew, as another attempt, or beside the process that began it (parity B4)."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ledger.commands import DescribeRun, ResumeRun, StartRun, TagRun
from ledger.errors import RefusedError, RunNotFoundError
from ledger.sdk.git import GitState, git_properties
from ledger.sdk.origin import origin
from ledger.sdk.slurm import restart_of, slurm_properties
from ledger.sdk.text import storable
from ledger.sdk.workspace import Workspace
from ledger.tracking.tracker import Tracker
from schemas.statuses import TERMINAL

_RESUMES = ("never", "allow", "must", "join")


class Said(NamedTuple):
    """What the script says of its run."""

    tags: Mapping[str, str | None]
    display_name: str | None
    description: str | None


def check_ways(run_id: str | None, resume: str, on_cancel: str) -> None:
    """Refuse words that mean nothing, before anything is done; raises ValueError."""
    if resume not in _RESUMES:
        raise ValueError(f"resume must be one of {', '.join(map(repr, _RESUMES))}, not {resume!r}")
    if on_cancel not in {"ignore", "raise"}:
        raise ValueError(f"on_cancel must be 'ignore' or 'raise', not {on_cancel!r}")
    if run_id is None and resume in {"must", "join"}:
        raise ValueError(f"resume={resume!r} needs the run_id of a run that is there")


def begin(workspace: Workspace, start: StartRun, resume: str, git: GitState, said: Said) -> bool:
    """Begin the run that `start` names, or continue it as `resume` says; whether it is new for sure.

    Raises what `Experiment.start_logging` raises.
    """
    tracker = workspace.tracker
    where = origin(git, restart_of(os.environ, offline=tracker.is_offline))
    is_new = not _continued(workspace, start.run_id, resume, where)
    if is_new:
        properties = _properties(git_properties(git, os.environ))
        tracker.begin(replace(start, **said._asdict(), properties=properties, origin=where, resume=resume == "allow"))
    if not is_new or (resume == "allow" and tracker.is_offline):
        _describe(tracker, start.run_id, said)
    return is_new and resume == "never"


def _continued(workspace: Workspace, run_id: str, resume: str, where: dict[str, Any]) -> bool:
    """Whether the run was there, and now has another attempt or writer."""
    # Offline nobody can tell whether the run is there: the command itself says what to do in either case.
    if resume == "never" or (resume == "allow" and workspace.tracker.is_offline):
        return False
    if resume == "join":
        _join(workspace, run_id)
        return True
    try:
        workspace.tracker.begin(ResumeRun(run_id=run_id, origin=where, properties=_properties({})))
    except RunNotFoundError:
        if resume == "must":
            raise
        return False
    return True


def _join(workspace: Workspace, run_id: str) -> None:
    status = workspace.client.run(run_id)["status"]
    if status in TERMINAL:
        raise RefusedError(
            f"run {run_id} is {status}: there is nothing to join. resume='allow' begins another attempt of it"
        )
    workspace.tracker.join(run_id)


def _describe(tracker: Tracker, run_id: str, said: Said) -> None:
    """Set what was said of a run that is there; the same again changes nothing."""
    changes = {name: text for name, text in said._asdict().items() if name != "tags" and text is not None}
    if said.tags:
        tracker.execute(TagRun(run_id=run_id, tags=said.tags), run_id)
    if changes:
        tracker.execute(DescribeRun(run_id=run_id, changes=changes), run_id)


def _properties(of_script: dict[str, str]) -> dict[str, str]:
    """The properties of a run that this process begins."""
    return {key: storable(value) for key, value in (of_script | slurm_properties(os.environ)).items()}
