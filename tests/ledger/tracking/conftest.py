"""A real workspace in a folder, and a connection to it that can be cut."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.errors import TooLargeError, UnavailableError
from ledger.tracking.tracker import Tracker
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.limits import Limits


class Line:
    """The connection between trackers and the ledger: while it is `cut`, nothing gets through.

    `most` is the number of bytes that the log takes of a batch of values, as JSON.
    """

    def __init__(self, folder: Path) -> None:
        self.cut = False
        self.lose_answers = 0
        self.most = 1_000_000
        self.calls: list[tuple[str, Any]] = []
        self._folder = folder

    def connect(self) -> Client:
        return CutClient(connect(str(self._folder)), self)  # type: ignore[return-value]


class CutClient:
    """A client whose calls fail while the line is cut, or whose answers get lost on the way back."""

    def __init__(self, client: Client, line: Line) -> None:
        self._client, self._line = client, line

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._client, name)

        def through(*arguments: Any, **named: Any) -> Any:
            if self._line.cut and name != "close":
                raise UnavailableError("the line is cut.")
            self._line.calls.append((name, arguments[0] if arguments else None))
            if name == "log_values" and (size := len(json.dumps(arguments[0].series))) > self._line.most:
                raise TooLargeError(size, self._line.most)
            found = call(*arguments, **named)
            if self._line.lose_answers and name in {"execute", "log_values"}:
                self._line.lose_answers -= 1
                raise UnavailableError("the answer got lost.")
            return found

        return through


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_folder(tmp_path / "workspace", log="sqlite")
    return tmp_path / "workspace"


@pytest.fixture
def line(folder: Path) -> Line:
    return Line(folder)


Make = Callable[..., Tracker]


@pytest.fixture
def make_tracker(folder: Path, line: Line) -> Iterator[Make]:
    made: list[Tracker] = []

    def make(**limits: int) -> Tracker:
        tracker = Tracker(line.connect, str(folder), folder / ".runledger" / "journals", Limits(**limits))
        made.append(tracker)
        return tracker

    yield make
    line.cut = False
    for tracker in made:
        tracker.close()


@pytest.fixture
def tracker(make_tracker: Make) -> Tracker:
    return make_tracker()


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    """A connection of somebody else."""
    opened = connect(str(folder))
    yield opened
    opened.close()
