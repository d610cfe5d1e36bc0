"""Somebody else cancels the run of a live script: it hears of it, and the run is Canceled whatever it does."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import StartRun
from ledger.errors import StatusRefusedError, WorkspaceError
from ledger.metrics import SeriesQuery
from ledger.queries import RunQuery
from ledger.workspace.folder import make_folder
from runledger import Workspace
from runledger.canceling import grace_seconds
from runledger.wiring import connect
from tests.runledger.server.running import running

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60

BEGIN = """
import os, signal, sys, time
from runledger import Experiment, RunCanceled, Workspace
run = Experiment(Workspace(sys.argv[1]), "canceling").start_logging(
    run_id=sys.argv[2], snapshot_directory=None, on_cancel=sys.argv[3]
)

def train(stopped=lambda: False):
    while not stopped():
        run.log("loss", 1)
        time.sleep(0.02)

def asked():
    return run.cancel_requested

print("ready", flush=True)
"""


@dataclass(frozen=True)
class Case:
    code: str
    status: str
    exit_code: int
    on_cancel: str = "ignore"
    says: str = ""


CASES = {
    "uncaught": Case("train()", "Canceled", 1, "raise", "RunCanceled was not caught"),
    "block": Case("with run:\n    train()", "Canceled", 1, "raise"),
    "no-error": Case(
        "while True:\n    try:\n        train()\n    except Exception:\n        pass", "Canceled", 1, "raise"
    ),
    "caught": Case(
        "try:\n    train()\nexcept RunCanceled as told:\n    assert 'too slow' in str(told), told\n"
        "    run.log('after', 1)\n    run.complete()",
        "Completed",
        0,
        "raise",
    ),
    "other-run": Case(
        "with run.experiment.start_logging(run_id='bystander', snapshot_directory=None):\n    train()",
        "Canceled",
        1,
        "raise",
    ),
    "polled": Case("train(asked); run.cancel()", "Canceled", 0),
    "ended": Case("train(asked)", "Completed", 0),
    "exited": Case("train(asked); sys.exit(3)", "Canceled", 3, says="exit code 3"),
    "exited-block": Case("with run:\n    train(asked); sys.exit(3)", "Canceled", 3),
    "raised": Case("train(asked); 1 / 0", "Failed", 1),
    "killed": Case("train(asked); os.kill(os.getpid(), signal.SIGKILL)", "Canceled", -9, says="SIGKILL"),
}


@contextmanager
def workspace(kind: str, folder: Path, grace: float) -> Iterator[str]:
    """A path or URL whose runs have so much grace, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("RUNLEDGER_CANCEL_GRACE_SECONDS", str(grace))
        make_folder(folder / "w", log="sqlite")
        yield stack.enter_context(running(folder / "w")).url if kind == "URL" else str(folder / "w")


@pytest.fixture(scope="module", params=["path", "URL"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with workspace(request.param, tmp_path_factory.mktemp("canceling"), 600) as found:
        yield found


@pytest.fixture(params=["path", "URL"])
def impatient(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with workspace(request.param, tmp_path, 1) as found:
        yield found


@contextmanager
def script(location: str, name: str, code: str, on_cancel: str = "ignore") -> "Iterator[subprocess.Popen[str]]":
    """A script that has begun its run; not running any more at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + code, location, name, on_cancel],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def cancel(location: str, name: str, reason: str | None = "too slow") -> str:
    """Cancel it as somebody else, and say what it is then."""
    with Workspace(location) as opened:
        run = opened.get_run(name)
        run.cancel(reason)
        return run.get_status()


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
    return value


def ended(location: str, name: str) -> Any:
    """The run once it has ended, as somebody sees it who does nothing but look."""
    client = connect(location)
    try:
        return until(lambda: (run := client.run(name))["is_terminal"] and run)
    finally:
        client.close()


def statuses(location: str, name: str) -> list[str]:
    client = connect(location)
    try:
        changes = (change for entry in client.history(name) for change in entry.changes)
        return [str(change.after) for change in changes if change.field == "status"]
    finally:
        client.close()


def test_every_answer_of_a_script_has_its_status_and_names_who_asked(location: str) -> None:
    with ExitStack() as stack:
        scripts = {}
        for name, case in CASES.items():
            scripts[name] = stack.enter_context(script(location, name, case.code, case.on_cancel))
            assert cancel(location, name) in {"CancelRequested", "Canceled"}
            while sum(each.poll() is None for each in scripts.values()) >= 3:
                time.sleep(0.05)
        for name, case in CASES.items():
            assert (name, scripts[name].wait(SECONDS)) == (name, case.exit_code), scripts[name].stderr.read()  # type: ignore[union-attr]
            run = ended(location, name)
            assert (name, run["status"]) == (name, case.status), run
            assert statuses(location, name) == ["Running", "CancelRequested", case.status], name
            if case.status == "Canceled":
                assert run["status_reason"] == f"canceled by {run['created_by']}: too slow", name
                assert "error" not in run
            assert case.says in run.get("certainty", ""), run
        client = connect(location)
        assert [each.name for each in client.series(SeriesQuery(run_id="caught"))] == ["loss", "after"]
        client.close()
        bystander = ended(location, "bystander")
        assert bystander["status"] == "Failed", "it was not the run that somebody wanted to be canceled"
        assert "RunCanceled" in bystander["error"]["message"]


def test_children_are_asked_by_themselves(location: str) -> None:
    code = """
child = run.child_run(run_id="the-child")
child.log("loss", 1)
while not child.cancel_requested:
    time.sleep(0.05)
assert not run.cancel_requested
child.cancel()
"""
    with script(location, "the-parent", code) as process:
        cancel(location, until(lambda: known(location, "the-child")))
        assert process.wait(SECONDS) == 0, process.stderr and process.stderr.read()
    assert ended(location, "the-child")["status"] == "Canceled"
    assert ended(location, "the-parent")["status"] == "Completed"


def known(location: str, name: str) -> str | None:
    client = connect(location)
    try:
        found = client.runs(RunQuery(include_children=True)).runs
        return name if name in {run["run_id"] for run in found} else None
    finally:
        client.close()


def test_a_script_that_goes_on_is_canceled_after_its_grace_and_what_it_logs_is_kept(impatient: str) -> None:
    code = "for line in sys.stdin:\n    run.log('late', 1)\nassert run.cancel_requested"
    with script(impatient, "deaf", code) as process:
        assert cancel(impatient, "deaf") == "CancelRequested"
        run = ended(impatient, "deaf")
        assert (run["status"], process.poll()) == ("Canceled", None)
        assert run["status_reason"].startswith(f"canceled by {run['created_by']}: too slow; ")
        assert "did not confirm it within 1 s and may still run" in run["status_reason"]
        assert run["certainty"] == "nobody saw the process end"
        process.communicate("a\nb\n", timeout=SECONDS)
        assert process.returncode == 0
    client = connect(impatient)
    until(lambda: [len(each.times) for each in client.series(SeriesQuery(run_id="deaf", name="late"))] == [2])
    assert client.run("deaf")["last_position"] == run["last_position"]
    client.close()
    assert statuses(impatient, "deaf") == ["Running", "CancelRequested", "Canceled"]


def test_a_run_that_nobody_tracks_is_canceled_at_once_where_that_is_known(impatient: str) -> None:
    client = connect(impatient)
    client.execute(StartRun(run_id="by-hand", experiment="canceling"))
    client.close()
    is_url = impatient.startswith("http")
    assert cancel(impatient, "by-hand", None) == ("CancelRequested" if is_url else "Canceled")
    run = ended(impatient, "by-hand")
    assert run["status"] == "Canceled"
    assert ("may still run" in run.get("status_reason", "")) == is_url
    assert cancel(impatient, "by-hand") == "Canceled"
    assert ended(impatient, "by-hand")["last_position"] == run["last_position"]


def test_a_run_that_has_ended_otherwise_is_not_canceled(location: str) -> None:
    with script(location, "done", "run.complete()") as process:
        assert process.wait(SECONDS) == 0
    with pytest.raises(StatusRefusedError, match="is Completed and cannot become Canceled"):
        cancel(location, "done")


def test_a_process_that_died_without_a_watchdog_is_seen_by_who_cancels(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_WATCHDOG", "0")
    code = "run.log('loss', 1); print('logged', flush=True); sys.stdin.read()"
    with script(location, "unwatched", code) as process, Workspace(location) as opened:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        run = opened.get_run("unwatched")
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
        run.cancel("not needed")
        assert run.get_status() == "Canceled"
    found = ended(location, "unwatched")
    assert "killed or os._exit" in found["certainty"]
    client = connect(location)
    assert [each.name for each in client.series(SeriesQuery(run_id="unwatched"))] == ["loss"]
    client.close()


def test_without_a_watchdog_the_script_itself_says_that_it_was_canceled(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_WATCHDOG", "0")
    with script(location, "alone", "train()", "raise") as process:
        cancel(location, "alone")
        assert process.wait(SECONDS) == 1
    assert ended(location, "alone")["status_reason"].endswith(": too slow")


def test_the_command_line_says_whether_it_is_final(impatient: str) -> None:
    def call(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "runledger", "run", *words, "-w", impatient]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)

    with script(impatient, "mine", "train(asked); run.cancel()") as process:
        asked = call("cancel", "-r", "mine", "--reason", "enough")
        assert (asked.returncode, asked.stderr.count("run wait")) == (0, 1), asked.stderr
        assert "CancelRequested" in asked.stdout
        process.wait(SECONDS)
    again = call("cancel", "-r", "mine")
    assert (again.returncode, again.stdout) == (0, "Experiment run canceled successfully.\n")
    assert call("cancel", "-r", "nothing").returncode == 3
    # The grace may be over before the script has heard of it.
    run = ended(impatient, "mine")
    assert run["status_reason"].startswith(f"canceled by {run['created_by']}: enough")


def test_a_command_that_is_run_as_a_run_gets_sigterm(location: str) -> None:
    command = [sys.executable, "-m", "runledger", "run", "exec", "-w", location, "-e", "canceling", "-r", "executed"]
    process = subprocess.Popen([*command, "--", "sleep", str(SECONDS * 2)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        until(lambda: known(location, "executed"))
        assert cancel(location, "executed") == "CancelRequested"
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    run = ended(location, "executed")
    assert (run["status"], "exit code 143" in run["certainty"]) == ("Canceled", True)


def test_the_grace_time_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNLEDGER_CANCEL_GRACE_SECONDS", raising=False)
    assert (grace_seconds({}), grace_seconds({"cancel_grace_seconds": 5})) == (60, 5)
    monkeypatch.setenv("RUNLEDGER_CANCEL_GRACE_SECONDS", "2.5")
    assert grace_seconds({"cancel_grace_seconds": 5}) == 2.5
    for wrong in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv("RUNLEDGER_CANCEL_GRACE_SECONDS", wrong)
        with pytest.raises(WorkspaceError, match=rf"RUNLEDGER_CANCEL_GRACE_SECONDS.*{wrong}"):
            grace_seconds({})
