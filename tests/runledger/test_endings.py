"""However a training script ends, its run has the right status soon, with its points and a reason."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger.errors import RunNotFoundError
from ledger.metrics import SeriesQuery
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from tests.runledger.relay import relaying
from tests.runledger.server.running import running

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 25
POINTS = 200

BEGIN = """
import multiprocessing, os, signal, subprocess, sys, threading, time
from runledger import Experiment, Workspace
run = Experiment(Workspace(sys.argv[1]), "endings").start_logging(run_id=sys.argv[2], snapshot_directory=None)
for number in range(200):
    run.log("loss", number)

def work(name):
    for number in range(50):
        run.log(name, number)
"""


@dataclass(frozen=True)
class Case:
    code: str
    status: str
    reason: str
    error: str = ""


CASES = {
    "normal": Case("", "Completed", "the script came to its end"),
    "completed": Case("run.complete(); sys.exit(4)", "Completed", ""),
    "exit-0": Case("sys.exit(0)", "Completed", "the script came to its end"),
    "exit-3": Case("sys.exit(3)", "Failed", "exit code 3", "exit code 3"),
    "raise-exit": Case("raise SystemExit(5)", "Failed", "exit code 5"),
    "caught-exit": Case("try:\n    sys.exit(3)\nexcept SystemExit:\n    pass", "Completed", "came to its end"),
    "exception": Case("{}['missing key']", "Failed", "KeyError was not caught", "KeyError: 'missing key'"),
    "interrupt": Case("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", "Canceled", "interrupted"),
    "terminated": Case("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", "Failed", "SIGTERM"),
    "killed": Case("os.kill(os.getpid(), signal.SIGKILL)", "Failed", "SIGKILL"),
    "os-exit": Case("os._exit(1)", "Failed", "exit code 1"),
    "segfault": Case("import ctypes; ctypes.string_at(0)", "Failed", "SIGSEGV", "segmentation fault"),
    "thread-raises": Case("t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", "Completed", "its end"),
    "group-killed": Case("os.setpgid(0, 0); os.killpg(0, signal.SIGKILL)", "Failed", "SIGKILL"),
    "forked-workers": Case(
        "workers = [multiprocessing.get_context('fork').Process(target=work, args=(f'w{n}',)) for n in range(2)]\n"
        "[w.start() for w in workers]; [w.join() for w in workers]",
        "Completed",
        "its end",
    ),
    "killed-worker": Case(
        "def die():\n    work('w0'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "w = multiprocessing.get_context('fork').Process(target=die); w.start(); w.join(); run.complete()",
        "Completed",
        "",
    ),
}


@pytest.fixture(params=["path", "URL"])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    make_folder(tmp_path / "w", log="sqlite")
    with ExitStack() as stack:
        served = request.param == "URL"
        yield stack.enter_context(running(tmp_path / "w")).url if served else str(tmp_path / "w")


def begin(location: str, name: str, code: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", BEGIN + code, location, name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_end(location: str, name: str) -> Any:
    """The run once it has ended, as somebody sees it who does nothing but look."""
    client = connect(location)
    deadline = time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                found = client.run(name)
            except RunNotFoundError:
                found = {"status": "not begun"}
            if found["status"] in {"Completed", "Failed", "Canceled"}:
                series = client.series(SeriesQuery(run_id=name))
                return found | {"points": {each.name: len(each.times) for each in series}}
            time.sleep(0.05)
    finally:
        client.close()
    raise AssertionError(found)


def test_every_ending_has_its_status_its_reason_and_its_points(location: str) -> None:
    scripts = {}
    for name, case in CASES.items():
        scripts[name] = begin(location, name, case.code)
        while sum(script.poll() is None for script in scripts.values()) >= 4:
            time.sleep(0.02)
    for name, case in CASES.items():
        scripts[name].wait(SECONDS)
        run = wait_for_end(location, name)
        assert (name, run["status"]) == (name, case.status), run
        assert case.reason in run.get("status_reason", ""), run
        assert case.error in run.get("error", {}).get("message", ""), run
        assert run["points"]["loss"] == POINTS, name
        if case.reason:
            assert run["certainty"].startswith("exact"), run
    for name, workers in (("forked-workers", ["w0", "w1"]), ("killed-worker", ["w0"])):
        run = wait_for_end(location, name)
        assert [run["points"][worker] for worker in workers] == [50] * len(workers)
    assert_nothing_is_left(location)


def assert_nothing_is_left(location: str) -> None:
    """No process, and no file beside the ledger's own."""
    deadline = time.monotonic() + SECONDS
    while processes := [each for each in psutil.process_iter(["cmdline"]) if location in (each.info["cmdline"] or [])]:
        processes = [each for each in processes if "server" not in each.info["cmdline"]]
        if not processes:
            break
        assert time.monotonic() < deadline, processes
        time.sleep(0.1)
    journals = Path(location) / ".runledger" / "journals"
    if not location.startswith("http"):
        assert [path for path in journals.rglob("*") if path.is_file()] == []


def test_a_segmentation_fault_leaves_its_python_stack(location: str) -> None:
    begin(location, "crash", "import ctypes\ndef inner():\n    ctypes.string_at(0)\ninner()").wait(SECONDS)
    error = wait_for_end(location, "crash")["error"]
    assert "in inner" in error["traceback"]


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("", "Completed", "the script came to its end"),
        ("sys.exit(3)", "Failed", "exit code 3"),
        ("1 / 0", "Failed", "ZeroDivisionError was not caught"),
        ("os.kill(os.getpid(), signal.SIGKILL) or os._exit(7)", "Failed", "killed or os._exit (cause unknown)"),
    ],
    ids=["normal", "exit-3", "exception", "os-exit"],
)
def test_a_script_that_is_the_first_process_of_a_container(location: str, code: str, status: str, reason: str) -> None:
    """Everything in the container ends with it, its watchdog too; a signal of its own it does not even feel."""
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    command = [*unshare, "--pid", "--fork", "--mount-proc", sys.executable, "-c", BEGIN + code, location, "first"]
    subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False)
    if "os._exit" in code:
        # Nobody is left to tell: it is found out by a contact, once no watchdog can be about to begin any more.
        time.sleep(3.1)
        subprocess.run(
            [sys.executable, "-m", "runledger", "run", "list", "-w", location],
            cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=SECONDS,
        )  # fmt: skip
    run = wait_for_end(location, "first")
    assert (run["status"], run["points"]["loss"]) == (status, POINTS)
    assert reason in run["status_reason"], run


WORKERS = """
import multiprocessing, os, signal, sys
from runledger import Experiment, Run, Workspace

def work(name, dies):
    run = Run(Experiment(Workspace(sys.argv[1]), "endings"), sys.argv[2])
    for number in range(50):
        run.log(name, number)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    run = Experiment(Workspace(sys.argv[1]), "endings").start_logging(run_id=sys.argv[2], snapshot_directory=None)
    context = multiprocessing.get_context(sys.argv[3])
    workers = [context.Process(target=work, args=(f"w{number}", number == 1)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    run.complete()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_started_anew_end_nothing(location: str, tmp_path: Path, method: str) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(script), location, "workers", method], env=environment, check=True, timeout=SECONDS
    )
    run = wait_for_end(location, "workers")
    assert (run["status"], run["points"]) == ("Completed", {"w0": 50, "w1": 50, "w2": 50})


def test_a_run_inside_pytest(location: str, tmp_path: Path) -> None:
    """Where a test failed, pytest ends with code 1 and leaves the exception for debuggers to find."""
    module = tmp_path / "test_training.py"
    module.write_text(
        "from runledger import Experiment, Workspace\n"
        "def test_it():\n"
        f"    run = Experiment(Workspace({location!r}), 'e').start_logging(run_id='tested', snapshot_directory=None)\n"
        "    run.log('loss', 1)\n"
        "    assert False\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 1, done.stdout
    run = wait_for_end(location, "tested")
    assert (run["status"], run["points"]) == ("Failed", {"loss": 1})
    assert run["status_reason"] == "AssertionError was not caught"


def test_a_script_whose_shell_is_killed_lives_on(location: str) -> None:
    """The end of the shell is not the end of the training."""
    code = "time.sleep(1.0); run.log('late', 1)"
    shell = subprocess.Popen(
        ["bash", "-c", '"$@" & echo $!; wait', "bash", sys.executable, "-c", BEGIN + code, location, "orphan"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert shell.stdout is not None
    shell.stdout.readline()
    shell.kill()
    shell.communicate()
    run = wait_for_end(location, "orphan")
    assert (run["status"], run["points"]) == ("Completed", {"loss": POINTS, "late": 1})


def test_without_a_watchdog_the_next_contact_finds_out(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_WATCHDOG", "0")
    begin(location, "unwatched", "os.kill(os.getpid(), signal.SIGKILL)").wait(SECONDS)
    client = connect(location)
    assert client.run("unwatched")["status"] == "Running"
    client.close()
    command = [sys.executable, "-m", "runledger", "run", "list", "-w", location]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS)
    run = wait_for_end(location, "unwatched")
    assert (run["status"], run["status_reason"]) == ("Failed", "killed or os._exit (cause unknown)")
    assert run["points"] == {"loss": POINTS}


def test_a_killed_run_is_mailed_though_nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path, log="sqlite")
    with relaying() as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        code = "run.experiment.start_logging(run_id='mailed', notify='me@example.org'); os.kill(os.getpid(), 9)"
        begin(str(tmp_path), "other", code).wait(SECONDS)
        relay.wait(1, SECONDS)
        assert relay.recipients == ["me@example.org"]
        assert "mailed: Running -> Failed" in str(relay.messages()[0]["subject"])


def test_a_server_that_was_down_gets_the_end_with_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    make_folder(tmp_path / "w", log="sqlite")
    code = "print('ready', flush=True); sys.stdin.readline(); os.kill(os.getpid(), 9)"
    with running(tmp_path / "w") as server:
        url, port = server.url, server.url.rpartition(":")[2]
        command = [sys.executable, "-c", BEGIN + code, url, "orphan"]
        script = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert script.stdout is not None
        assert script.stdin is not None
        script.stdout.readline()
    script.communicate(b"go\n", timeout=SECONDS)
    assert script.returncode == -signal.SIGKILL
    died = time.time()
    time.sleep(1)
    with running(tmp_path / "w", "--port", port):
        run = wait_for_end(url, "orphan")
    assert (run["status"], run["points"]) == ("Failed", {"loss": POINTS})
    assert "SIGKILL" in run["status_reason"]
    assert datetime.fromisoformat(run["end_time_utc"]).timestamp() < died + 0.9
    assert os.environ["XDG_STATE_HOME"] == str(tmp_path / "state")
