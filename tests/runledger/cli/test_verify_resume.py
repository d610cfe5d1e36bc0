"""`runledger verify` that is stopped, and gone on with."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import TagRun
from runledger import Workspace
from runledger.bookmark import bookmark_of
from runledger.cli.exit_codes import ExitCode
from tests.runledger.cli.calling import call

# Small slices, each kept, and slow enough to be stopped at any of them.
_SLOW = """
import sys, time
import ledger.verify, runledger.bookmark
from runledger.cli import main
from runledger.cli.progress import Progress
ledger.verify._SLICE, runledger.bookmark.EVERY_SECONDS = 5, 0.0
told = Progress.update
Progress.update = lambda self, *how_far: (time.sleep(0.01), told(self, *how_far))
sys.exit(main(sys.argv[1:]))
"""
_ROUNDS = 5


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(found))
    return found


@pytest.fixture
def long(workspace: Path, home: Path) -> Path:  # noqa: ARG001 - bookmarks lie there
    """A workspace with 200 events more."""
    with Workspace(workspace) as opened:
        for number in range(200):
            opened.client.execute(TagRun(run_id="third", tags={"number": str(number)}))
    return workspace


def bookmark(workspace: Path) -> Path:
    return bookmark_of(workspace / ".runledger" / "ledger.db").file


@contextmanager
def verifying(workspace: Path, *more: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", _SLOW, "verify", "-w", str(workspace), *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def stop(workspace: Path, signal_number: int, *more: str) -> tuple[int, str]:
    """Stop a check at a random time behind the first place that it keeps; its exit code and what it said."""
    before = bookmark(workspace).read_text() if bookmark(workspace).exists() else ""
    with verifying(workspace, *more) as running:
        while running.poll() is None and (
            not bookmark(workspace).exists() or bookmark(workspace).read_text() == before
        ):
            time.sleep(0.005)
        time.sleep(random.random() * 0.05)
        running.send_signal(signal_number)
        _, said = running.communicate(timeout=60)
    return running.returncode, said


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """Without what tells that it was gone on with."""
    logs = [{name: value for name, value in log.items() if name != "known_events"} for log in result["logs"]]
    return {name: value for name, value in result.items() if name != "resumed"} | {"logs": logs}


def test_killed_at_any_time_and_gone_on_with_it_comes_to_the_same(long: Path) -> None:
    undisturbed = call("verify", "-w", long).json
    for _ in range(_ROUNDS):
        stop(long, signal.SIGKILL, "--resume")
    assert bookmark(long).exists()

    resumed = call("verify", "-w", long, "--resume")
    assert (resumed.code, resumed.json["resumed"]) == (0, True)
    assert resumed.json["logs"][0]["known_events"] > 0
    assert plain(resumed.json) == plain(undisturbed)
    assert not bookmark(long).exists()


def test_who_stops_it_is_told_how_to_go_on(long: Path) -> None:
    code, said = stop(long, signal.SIGINT)
    assert code == ExitCode.INTERRUPTED
    assert "runledger verify --resume" in said
    lines = call("verify", "-w", long, "--resume", "-o", "table").out
    assert "was checked before" in lines
    assert "chain intact" in lines


def test_what_is_changed_behind_the_place_is_found_and_the_place_stays(long: Path) -> None:
    stop(long, signal.SIGKILL)
    with closing(sqlite3.connect(long / ".runledger" / "ledger.db")) as connection, connection:
        connection.execute(
            "UPDATE control_events SET value = '{}' WHERE place = (SELECT max(place) FROM control_events)"
        )
    for _ in range(2):
        done = call("verify", "-w", long, "--resume")
        assert (done.code, done.json["resumed"], done.json["intact"]) == (6, True, False)
        assert "does not match its hash" in done.json["logs"][0]["broken"]["what"]


def test_the_place_in_another_ledger_is_refused(long: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    stop(long, signal.SIGKILL)
    other = tmp_path_factory.mktemp("other")
    assert call("init", other).code == 0
    bookmark(other).parent.mkdir(parents=True, exist_ok=True)
    bookmark(long).rename(bookmark(other))
    done = call("verify", "-w", other, "--resume")
    assert done.code == ExitCode.REFUSED
    assert "another ledger" in done.err
    assert call("verify", "-w", other).code == 0


def test_a_place_that_cannot_be_read_is_refused(long: Path) -> None:
    stop(long, signal.SIGKILL)
    kept = bookmark(long).read_text()
    for spoilt in ("no JSON", "[]", "{}", kept.replace("runledger/", "x/"), kept.replace('"0": [', '"0": ["')):
        bookmark(long).write_text(spoilt)
        done = call("verify", "-w", long, "--resume")
        assert done.code == ExitCode.REFUSED, spoilt
        assert "without --resume" in done.err


def test_without_a_place_it_begins_at_the_first_event_and_a_short_check_leaves_nothing(
    workspace: Path, home: Path
) -> None:
    done = call("verify", "-w", workspace, "--resume")
    assert (done.code, done.json["resumed"]) == (0, False)
    assert "no place to go on from" in done.err
    assert [each for each in home.rglob("*") if "verifying" in str(each)] == []
    assert call("verify", "--log", "kafka://127.0.0.1:9/x", "--resume").code == ExitCode.USAGE


def test_the_place_holds_what_its_check_found(long: Path) -> None:
    stop(long, signal.SIGKILL)
    kept = json.loads(bookmark(long).read_text())
    offset, running = kept["logs"]["control"]["partitions"]["0"]
    with closing(sqlite3.connect(long / ".runledger" / "ledger.db")) as connection:
        row = connection.execute("SELECT running FROM control_events WHERE place = ?", (offset - 1,)).fetchone()
    assert row[0].hex() == running
