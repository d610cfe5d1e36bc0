"""`run wait` and `run watch`, on a path and on a URL alike."""

import json
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest

from runledger import Workspace
from runledger.cli.runs.waiting import StillRunningError, awaited
from tests.runledger.cli.calling import COMMAND, SECONDS, call, terminal


@pytest.fixture
def run_id(place: str) -> str:
    chosen = uuid4().hex
    assert call("run", "start", "-w", place, "-e", "waiting", "-r", chosen).code == 0
    return chosen


def end(place: str, run_id: str, verb: str = "complete") -> None:
    assert call("run", verb, "-w", place, "-r", run_id).code == 0


@pytest.mark.parametrize(("verb", "code"), [("complete", 0), ("fail", 6)])
def test_the_exit_code_says_how_the_run_ended(place: str, run_id: str, verb: str, code: int) -> None:
    end(place, run_id, verb)
    waited = call("run", "wait", "-w", place, "-r", run_id)
    assert (waited.code, waited.json["run_id"]) == (code, run_id)
    assert call("run", "watch", "-w", place, "-r", run_id).code == code


def test_a_timeout_is_an_error_and_leaves_the_run_alone(place: str, run_id: str) -> None:
    waited = call("run", "wait", "-w", place, "-r", run_id, "--timeout", "0.3")
    assert (waited.code, waited.out) == (1, "")
    assert "Running after 0.3 seconds" in waited.err
    assert call("run", "show", "-w", place, "-r", run_id).json["status"] == "Running"


def test_wait_sees_an_end_that_another_process_brings(place: str, run_id: str) -> None:
    words = [*COMMAND, "run", "wait", "-w", place, "-r", run_id, "--query", "status"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as waiting:
        time.sleep(0.5)
        assert waiting.poll() is None
        end(place, run_id)
        out, _ = waiting.communicate(timeout=SECONDS)
    assert (waiting.returncode, out) == (0, '"Completed"\n')


def test_watch_writes_a_line_for_each_change(place: str, run_id: str) -> None:
    words = [*COMMAND, "run", "watch", "-w", place, "-r", run_id]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        assert call("run", "log", "-w", place, "-r", run_id, "loss", "0.5", "--step", "2").code == 0
        second = json.loads(watching.stdout.readline())
        end(place, run_id, "fail")
        rest = watching.stdout.read().splitlines()
        watching.wait(SECONDS)
    assert (first["status"], first["metrics"]) == ("Running", {})
    assert (second["metrics"], second["steps"]) == ({"loss": 0.5}, {"loss": 2})
    assert [json.loads(line)["status"] for line in rest] == ["Failed"]
    assert watching.returncode == 6


def test_watch_draws_a_terminal_that_is_no_wider_than_it(place: str, run_id: str) -> None:
    assert call("run", "log", "-w", place, "-r", run_id, "x" * 200, "1").code == 0
    end(place, run_id)
    done = terminal("run", "watch", "-w", place, "-r", run_id, columns=60)
    assert done.code == 0
    assert "Completed" in done.out
    assert max(map(len, done.out.splitlines())) < 60


def test_waiting_asks_more_and_more_seldom(empty: Path) -> None:
    assert call("run", "start", "-w", empty, "-e", "waiting", "-r", "slow").code == 0
    pauses: list[float] = []
    now = 0.0

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds
        pauses.append(seconds)

    with Workspace(empty) as workspace, pytest.raises(StillRunningError):
        awaited(workspace.client, "slow", 100, clock=lambda: now, pause_for=pause)
    assert pauses[:2] == [0.2, pytest.approx(0.3)]
    assert max(pauses) == 5.0
    assert sum(pauses) == pytest.approx(100)
