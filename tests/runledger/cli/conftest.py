"""Workspaces for the command line's tests."""

import os
from pathlib import Path

import pytest

from ledger.commands import StartRun
from runledger import Experiment, Workspace
from tests.runledger.cli.calling import call


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("RUNLEDGER_") or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A workspace without a run."""
    assert call("init", tmp_path).code == 0
    return tmp_path


@pytest.fixture
def workspace(empty: Path) -> Path:
    """A workspace with four runs: first, second, third (bare of tags) and other, in this order."""
    with Workspace(empty) as opened:
        experiment = Experiment(opened, "experiment")
        first = experiment.start_logging(
            run_id="first", display_name="The first", tags={"quality": "fantastic run"}, snapshot_directory=None
        )
        first.add_properties({"author": "azureml-user"})
        first.complete()
        second = experiment.start_logging(run_id="second", tags={"worth another look": None, "quality": "poor"})
        second.add_properties({"author": "azureml-user", "model": "a=b"})
        second.fail("no data")
        # Begun by nobody who would end them with this process.
        opened.client.execute(StartRun(run_id="third", experiment="experiment"))
        opened.client.execute(StartRun(run_id="other", experiment="elsewhere", tags={"quality": "fantastic run"}))
    return empty
