"""Files that wait beside the journal while the ledger is away."""

import io
import logging
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.commands import AddArtifacts, StartRun
from ledger.errors import UnavailableError
from ledger.tracking.tracker import Tracker
from tests.ledger.tracking.conftest import CutClient, Line


def begin(tracker: Tracker) -> None:
    tracker.begin(StartRun(run_id="r", experiment="e"))


def put(tracker: Tracker, text: bytes) -> dict[str, Any]:
    content = tracker.put_content(io.BytesIO(text), "r")
    return {"name": f"{text.decode()}.txt", "sha256": content.sha256, "size": content.size}


def add(tracker: Tracker, *artifacts: dict[str, Any]) -> None:
    tracker.execute(AddArtifacts(run_id="r", artifacts=list(artifacts)), "r")


def stored(client: Client) -> dict[str, bytes]:
    found = {}
    for each in client.artifacts("r"):
        with client.open_content(each["sha256"]) as file:
            found[each["name"]] = file.read()
    return found


def waiting(folder: Path) -> list[Path]:
    return list((folder / ".runledger" / "journals").glob("*/*.content"))


def test_a_file_waits_while_the_ledger_is_away_and_is_stored_before_its_command(
    tracker: Tracker, client: Client, line: Line, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin(tracker)
    line.cut = True
    with caplog.at_level(logging.WARNING):
        for text in (b"one", b"two"):
            add(tracker, put(tracker, text))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert len(waiting(folder)) == 2
    line.cut = False

    assert tracker.ship()

    assert stored(client) == {"one.txt": b"one", "two.txt": b"two"}
    assert waiting(folder) == []
    assert "warnings" not in client.run("r")


def test_a_file_that_was_kept_is_stored_first_though_the_ledger_is_back_before_it_is_named(
    tracker: Tracker, client: Client, line: Line
) -> None:
    begin(tracker)
    line.cut = True
    artifact = put(tracker, b"one")
    line.cut = False
    tracker.ship()

    add(tracker, artifact)
    assert tracker.ship()

    assert stored(client) == {"one.txt": b"one"}
    assert "warnings" not in client.run("r")


def test_a_file_that_is_named_twice_is_there_twice(tracker: Tracker, client: Client, line: Line) -> None:
    begin(tracker)
    line.cut = True
    add(tracker, put(tracker, b"one"))
    add(tracker, put(tracker, b"one") | {"name": "again.txt"})
    line.cut = False

    assert tracker.ship()

    assert stored(client) == {"one.txt": b"one", "again.txt": b"one"}


def test_where_only_the_place_of_files_is_away_the_upload_raises_and_tracking_goes_on(
    tracker: Tracker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tracker)
    inner = tracker.client
    assert isinstance(inner, CutClient)

    def away(_: object) -> None:
        raise UnavailableError("the bucket is away.")

    monkeypatch.setattr(inner, "put_content", away, raising=False)
    with pytest.raises(UnavailableError, match="the bucket is away"):
        put(tracker, b"one")

    assert (tracker.is_away, waiting(folder)) == (False, [])
