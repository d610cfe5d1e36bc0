"""The target on this machine, where its supervisor does not come up."""

import os
import resource
from pathlib import Path

import pytest

from ledger.errors import ExperimentExecutionError
from ledger.sdk.config import ScriptRunConfig
from ledger.sdk.experiment import Experiment
from ledger.sdk.workspace import Workspace
from ledger.targets.local.target import LocalTarget
from ledger.targets.target import Job
from ledger.workspace.folder import make_folder
from runledger.tracking import track

JOB = Job(run_id="r", begun_by="c", command=["true"])


def test_a_supervisor_that_dies_is_told_with_what_it_said(tmp_path: Path) -> None:
    target = LocalTarget("here", tmp_path / "runs", ["/bin/sh", "-c", "echo no luck >&2"])
    with pytest.raises(ExperimentExecutionError, match="r did not start: no luck"):
        target.submit(JOB)

    assert target.poll("r") is None


def test_a_script_with_many_open_files_submits_too(tmp_path: Path) -> None:
    """Each open run holds two; descriptors beyond 1023 are none for `select`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_048), hard))
    held: list[int] = []
    try:
        while not held or held[-1] < 1_100:
            held.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(ExperimentExecutionError, match="r did not start: no luck"):
            LocalTarget("here", tmp_path / "runs", ["/bin/sh", "-c", "echo no luck >&2"]).submit(JOB)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(ExperimentExecutionError, match="could not be submitted"):
        LocalTarget("here", tmp_path / "runs", ["/bin/false"]).submit(JOB)


def test_a_run_that_no_target_took_has_failed(tmp_path: Path) -> None:
    make_folder(tmp_path, log="sqlite")
    target = LocalTarget("local", tmp_path / "runs", ["/bin/false"])
    with Workspace(track(str(tmp_path)), lambda: {"local": target}) as workspace:
        experiment = Experiment(workspace, "e")
        with pytest.raises(ExperimentExecutionError):
            experiment.submit(ScriptRunConfig(tmp_path, command=["true"]))

        (run,) = experiment.get_runs()
        assert run.get_status() == "Failed"
        assert run.get_details()["error"]["code"] == "NotSubmitted"
