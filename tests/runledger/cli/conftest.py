"""Workspaces for the command line's tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.commands import StartRun
from runledger import Experiment, Workspace
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running


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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A workspace that nothing is in at first, and the URL of a server of it."""
    place = tmp_path_factory.mktemp("served")
    assert call("init", place).code == 0
    with running(place) as server:
        yield place, server.url


@pytest.fixture(params=["path", "url"])
def place(request: pytest.FixtureRequest, served: tuple[Path, str]) -> str:
    """The same workspace by its path and by its URL; what a test makes there has ids of its own."""
    return str(served[0]) if request.param == "path" else served[1]
