"""A workspace as a user has it: a folder, an experiment, scripts beside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ledger.commands import ChangeStatus
from ledger.workspace.folder import make_folder
from runledger import Experiment, LedgerError, Workspace
from schemas.statuses import RunStatus
from tests.runledger.server.running import running

Script = Callable[..., Path]


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKSPACE", "EXPERIMENT", "RUN_ID", "RUN_FOLDER", "PUBLIC_URL"):
        monkeypatch.delenv(f"RUNLEDGER_{name}", raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_folder(tmp_path, log="sqlite")
    return tmp_path


@contextmanager
def opened(location: str | Path) -> Iterator[Workspace]:
    """A workspace; runs that a test leaves open are ended, for each holds two files until it ends."""
    with Workspace(location) as workspace:
        yield workspace
        for run_id in workspace.tracker.unended():
            with suppress(LedgerError):
                workspace.tracker.end(ChangeStatus(run_id=run_id, status=RunStatus.CANCELED))


@pytest.fixture
def workspace(place: Path) -> Iterator[Workspace]:
    with opened(place) as found:
        yield found


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "explore-runs")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A workspace, and the URL of a server of it; a test names what it makes there by itself."""
    folder = tmp_path_factory.mktemp("served")
    make_folder(folder, log="sqlite")
    with running(folder) as server:
        yield folder, server.url


@pytest.fixture(params=["path", "url"])
def location(request: pytest.FixtureRequest, served: tuple[Path, str]) -> str:
    """The same workspace by its path and by its URL."""
    return str(served[0]) if request.param == "path" else served[1]


@pytest.fixture
def anywhere(location: str, request: pytest.FixtureRequest) -> Iterator[Experiment]:
    """An experiment of the test's own, on a path and on a URL."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name).rstrip("-")
    with opened(location) as workspace:
        yield Experiment(workspace, name)
