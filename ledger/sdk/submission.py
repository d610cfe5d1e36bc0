"""From a configuration to a run that somebody takes care of (parity G1, H5)."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from re import sub
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from ledger.commands import AddArtifacts, ChangeStatus, StartRun
from ledger.errors import ExperimentExecutionError, RefusedError
from ledger.sdk.config import ScriptRunConfig
from ledger.sdk.git import git_properties, git_state
from ledger.sdk.origin import origin
from ledger.sdk.snapshots import SNAPSHOT_ID
from ledger.sdk.text import as_texts, storable
from ledger.targets.target import SCRIPT_RUN, Job, Target
from schemas.errors import LedgerError
from schemas.statuses import RunStatus

if TYPE_CHECKING:
    from ledger.sdk.experiment import Experiment

_NAME_LENGTH = 200


def submit(
    experiment: "Experiment",
    config: ScriptRunConfig,
    tags: Mapping[str, object] | None,
    *,
    display_name: str | None = None,
    parent: tuple[str, str] | None = None,
) -> str:
    """Begin a run and give its script to the target; the run's id. `parent` names parent and root.

    Raises:
        ExperimentExecutionError: folder or script are not there, or the target cannot take it.
        SnapshotError: the folder is too large to be kept with the run.
        KeyError: there is no such target.
        UnavailableError: the ledger cannot be reached: a submitted run is on record first.
    """
    from ledger.artifacts.uploading import named  # noqa: PLC0415 - only for who submits
    from ledger.snapshots.taking import taken  # noqa: PLC0415

    workspace = experiment.workspace
    target, command_line = workspace.compute_targets[config.run_config.target], config.command_line()
    start = _start(experiment.name, config, tags, command_line, display_name, parent)
    with taken(config.source_directory.expanduser().absolute()) as (archive, upload):
        _check_script(config, command_line, archive)
        content = workspace.client.put_content(archive)
        start = replace(start, properties={**start.properties, SNAPSHOT_ID: content.sha256})
        # Ours until the target has it: whoever of us dies, the run has an end.
        workspace.tracker.adopt(start.run_id, start.command)
        try:
            workspace.client.execute(start)
        except LedgerError:
            workspace.tracker.hand_over(start.run_id)
            raise
        _give(experiment, target, start, _job(start, config, command_line, archive.name), named(upload, content))
    return start.run_id


def _start(
    experiment: str,
    config: ScriptRunConfig,
    tags: Mapping[str, object] | None,
    command_line: list[str],
    display_name: str | None,
    parent: tuple[str, str] | None,
) -> StartRun:
    git = git_state(config.source_directory, os.environ)
    about = origin(git) | {
        "command_line": [storable(each) for each in command_line],
        "script": config.run_config.script and storable(config.run_config.script),
        "working_directory": storable(str(config.source_directory.absolute())),
        "process_id": None,
    }
    above, root = parent or (None, None)
    return StartRun(
        run_id=_run_id(experiment),
        experiment=experiment,
        status=RunStatus.STARTING,
        run_type=SCRIPT_RUN,
        target=config.run_config.target,
        display_name=display_name,
        tags=as_texts("tag", tags or {}),
        properties={key: storable(value) for key, value in git_properties(git, os.environ).items()},
        parent_run_id=above,
        root_run_id=root,
        origin={key: value for key, value in about.items() if value is not None},
    )


def _check_script(config: ScriptRunConfig, command_line: list[str], archive: BinaryIO) -> None:
    from ledger.snapshots.packing import names_in  # noqa: PLC0415

    script = config.run_config.script
    if script is not None and command_line[1].replace(os.sep, "/") not in names_in(archive):
        raise ExperimentExecutionError(
            f"the script {script} would not be there to run: .amlignore or .gitignore leaves it out of the snapshot"
        )


def _job(start: StartRun, config: ScriptRunConfig, command_line: list[str], snapshot: str) -> Job:
    return Job(
        run_id=start.run_id,
        begun_by=start.command,
        command=command_line,
        snapshot=snapshot,
        environment=config.run_config.environment_variables,
        max_seconds=config.run_config.max_run_duration_seconds,
    )


def _give(experiment: "Experiment", target: Target, start: StartRun, job: Job, snapshot: Mapping[str, object]) -> None:
    tracker = experiment.workspace.tracker
    try:
        tracker.execute(AddArtifacts(run_id=start.run_id, artifacts=[snapshot]), start.run_id)
        target.submit(job)
    except (ExperimentExecutionError, RefusedError) as error:
        problem = {"code": "NotSubmitted", "message": str(error)}
        tracker.end(ChangeStatus(run_id=start.run_id, status=RunStatus.FAILED, error=problem))
        raise
    tracker.hand_over(start.run_id)


def _run_id(experiment: str) -> str:
    name = sub(r"[^A-Za-z0-9_-]", "-", experiment)[:_NAME_LENGTH]
    return f"{name}_{int(time.time())}_{uuid4().hex[:8]}"
