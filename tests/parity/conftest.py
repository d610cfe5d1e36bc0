"""A workspace as a user has it: a folder, an experiment, scripts beside it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.workspace.folder import make_folder
from runledger import Experiment, Workspace

Script = Callable[..., Path]


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKSPACE", "RUN_ID", "RUN_FOLDER", "PUBLIC_URL"):
        monkeypatch.delenv(f"RUNLEDGER_{name}", raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_folder(tmp_path, log="sqlite")
    return tmp_path


@pytest.fixture
def workspace(place: Path) -> Iterator[Workspace]:
    with Workspace(place) as opened:
        yield opened


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "explore-runs")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
