"""Workspaces for the command line's tests."""

import os
from pathlib import Path

import pytest

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
        first = experiment.start_logging(run_id="first", display_name="The first", tags={"quality": "fantastic run"})
        first.add_properties({"author": "azureml-user"})
        first.complete()
        second = experiment.start_logging(run_id="second", tags={"worth another look": None, "quality": "poor"})
        second.add_properties({"author": "azureml-user", "model": "a=b"})
        second.fail("no data")
        experiment.start_logging(run_id="third")
        Experiment(opened, "elsewhere").start_logging(run_id="other", tags={"quality": "fantastic run"})
    return empty
