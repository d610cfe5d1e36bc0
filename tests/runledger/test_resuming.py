"""A run goes on after its end, as another attempt, or with another writer by choice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.commands import ChangeStatus
from ledger.errors import RefusedError, RunNotFoundError
from ledger.metrics import SeriesQuery
from ledger.workspace.folder import make_folder
from runledger import Experiment, Run, Workspace
from runledger.wiring import connect, embedded_workspace
from schemas.events import RunStatusChangedEvent
from schemas.statuses import RunStatus
from tests.runledger.server.running import running

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60

BEGIN = """
import os, signal, sys
from runledger import Experiment, LedgerError, Workspace
experiment = Experiment(Workspace(sys.argv[1]), "resuming")

def begin(resume, first, **about):
    run = experiment.start_logging(run_id=sys.argv[2], resume=resume, snapshot_directory=None, **about)
    for step in range(first, first + 100):
        run.log("loss", float(step), step=step)
    print("ready", flush=True)
    return run

"""


@pytest.fixture(scope="module", params=["path", "URL"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("resuming")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        make_folder(folder / "w", log="sqlite")
        yield stack.enter_context(running(folder / "w")).url if request.param == "URL" else str(folder / "w")


@pytest.fixture
def client(location: str) -> Iterator[Client]:
    opened = connect(location)
    yield opened
    opened.close()


@pytest.fixture
def experiment(location: str) -> Iterator[Experiment]:
    with Workspace(location) as workspace:
        yield Experiment(workspace, "resuming")


@contextmanager
def script(location: str, name: str, code: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """A script that has said its first line; not running any more at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + code, location, name],
        cwd=ROOT, text=True, env=os.environ | environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def ran(location: str, name: str, code: str, exit_code: int = 0) -> str:
    """What a script wrote to stderr, once it has ended."""
    with script(location, name, code) as process:
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == exit_code, err
        return err


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
    return value


def ended(client: Client, name: str) -> Any:
    return until(lambda: (run := client.run(name))["is_terminal"] and run)


def losses(client: Client, name: str) -> list[tuple[int | None, Any]]:
    (series,) = client.series(SeriesQuery(run_id=name, name="loss"))
    return list(zip(series.steps, series.values or (), strict=True))


STEPS = [(step, float(step)) for step in range(200)]
ENDS = {"Completed": "run.complete()", "Failed": "run.fail('no data')", "Canceled": "run.cancel('enough')"}


@pytest.mark.parametrize("end", ENDS)
def test_an_attempt_in_another_process_goes_on_where_the_first_ended(location: str, client: Client, end: str) -> None:
    name = f"again-{end}"
    ran(location, name, f"run = begin('never', 0, tags={{'a': '1'}})\nrun.add_properties({{'p': 'q'}})\n{ENDS[end]}")
    first = client.run(name)
    again = "begin('must', 100, tags={'a': '1', 'b': None}, display_name='twice').complete()"
    ran(location, name, again.replace("must", "allow") if end == "Failed" else again)

    run = client.run(name)
    assert (run["status"], run["attempt"], first["status"]) == ("Completed", 2, end)
    assert losses(client, name) == STEPS
    assert (run["tags"], run["properties"]["p"], run["display_name"]) == ({"a": "1", "b": None}, "q", "twice")
    assert "error" not in run
    earlier, present = run["attempts"]
    assert (earlier["attempt"], earlier["status"], earlier["end_time_utc"]) == (1, end, first["end_time_utc"])
    assert earlier.get("status_reason") == first.get("status_reason")
    assert (present["attempt"], present["status"], present["end_time_utc"]) == (2, "Completed", run["end_time_utc"])
    assert earlier["end_time_utc"] <= present["start_time_utc"] <= present["end_time_utc"]


def test_the_same_process_resumes_and_both_attempts_are_in_its_details(experiment: Experiment, client: Client) -> None:
    with experiment.start_logging(run_id="same", snapshot_directory=None) as run:
        run.log("loss", 0.0, step=0)
    assert "attempts" not in run.get_details()
    with experiment.start_logging(run_id="same", resume="must", snapshot_directory=None) as again:
        again.log("loss", 1.0, step=1)
        assert again.get_status() == "Running"
        run.log("loss", 2.0, step=2)

    details = again.get_details()
    assert [(each["attempt"], each["status"]) for each in details["attempts"]] == [(1, "Completed"), (2, "Completed")]
    assert (details["attempt"], losses(client, "same")) == (2, STEPS[:3])


def test_each_attempt_is_sealed_with_all_that_was_logged_by_then(tmp_path: Path) -> None:
    make_folder(tmp_path, log="sqlite")
    with Workspace(tmp_path) as workspace:
        for attempt in range(2):
            run = Experiment(workspace, "e").start_logging(run_id="r", resume="allow", snapshot_directory=None)
            run.log("loss", attempt)
            run.complete()
    with embedded_workspace(str(tmp_path)) as parts:
        events = [each.event for each in parts.feed.of_run("r")]
    ends = [event.seal for event in events if isinstance(event, RunStatusChangedEvent) and event.seal is not None]
    assert [len(seal.writers) for seal in ends] == [1, 2]
    assert ends[0].writers[0] in ends[1].writers


def test_a_killed_script_that_is_started_again_at_once_goes_on(location: str, client: Client) -> None:
    with script(location, "requeued", "begin('allow', 0); os.kill(os.getpid(), signal.SIGKILL)") as process:
        process.wait(SECONDS)
        ran(location, "requeued", "begin('allow', 100).complete()")
    run = client.run("requeued")
    assert (run["status"], run["attempt"], losses(client, "requeued")) == ("Completed", 2, STEPS)
    assert (run["attempts"][0]["status"], "SIGKILL" in run["attempts"][0]["status_reason"]) == ("Failed", True)


@pytest.mark.parametrize("watchdog", ["1", "0"])
def test_a_process_that_was_there_before_the_other_died_waits_for_its_end(
    location: str, experiment: Experiment, client: Client, watchdog: str
) -> None:
    name = f"survived-{watchdog}"
    with script(location, name, "begin('allow', 0); sys.stdin.read()", RUNLEDGER_WATCHDOG=watchdog) as process:
        experiment.workspace.get_run(name)
        process.kill()
        process.wait(SECONDS)
        experiment.start_logging(run_id=name, resume="must", snapshot_directory=None).complete()
    run = client.run(name)
    assert [each["status"] for each in run["attempts"]] == ["Failed", "Completed"]
    assert losses(client, name) == STEPS[:100]


def test_a_run_that_runs_elsewhere_is_refused_and_may_be_joined(
    location: str, experiment: Experiment, client: Client
) -> None:
    with script(location, "busy", "begin('never', 0); sys.stdin.readline()") as process:
        for resume in ("allow", "must"):
            who = rf"is Running \(attempt 1, process {process.pid} on .*, since .*join"
            with pytest.raises(RefusedError, match=who):
                experiment.start_logging(run_id="busy", resume=resume, snapshot_directory=None)
        with pytest.raises(RefusedError, match=r"there is a run busy already.*resume='join'"):
            experiment.start_logging(run_id="busy", snapshot_directory=None)
        run = join(experiment, "busy", tags={"second": "yes"})
        with pytest.raises(ZeroDivisionError), run:
            beside(run)
        with join(experiment, "busy") as run:
            assert run.cancel_requested is False
        assert run.get_status() == "Running"
        until(lambda: losses(client, "busy") == STEPS[:101])
        process.communicate("go\n", timeout=SECONDS)
    found = ended(client, "busy")
    assert (found["status"], found["attempt"], found["tags"]) == ("Completed", 1, {"second": "yes"})
    with pytest.raises(RefusedError, match=r"busy is Completed.*resume='allow'"):
        join(experiment, "busy")
    with pytest.raises(RunNotFoundError):
        join(experiment, "nothing")


def beside(run: Run) -> None:
    run.log("loss", 100.0, step=100)
    run.complete()
    assert run.get_status() == "Running"
    _ = 1 / 0


def join(experiment: Experiment, name: str, **about: Any) -> Run:
    return experiment.start_logging(run_id=name, resume="join", snapshot_directory=None, **about)


def test_a_refusal_takes_nothing_from_the_process_that_tracks_the_run(location: str, client: Client) -> None:
    code = """
run = begin('never', 0)
try:
    begin('allow', 100)
    raise SystemExit("resumed what runs here")
except LedgerError:
    pass
run.log("loss", 100.0, step=100)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ran(location, "own", code, -signal.SIGKILL)
    run = ended(client, "own")
    assert (run["status"], run["attempt"]) == ("Failed", 1)
    assert "SIGKILL" in run["status_reason"]
    assert losses(client, "own") == STEPS[:101]


def test_of_several_that_resume_at_once_one_goes_on(location: str, client: Client) -> None:
    ran(location, "race", "begin('never', 0).complete()")
    code = """
import time
time.sleep(max(0.0, float(os.environ["AT"]) - time.time()))
try:
    run = begin('allow', 100)
except LedgerError as error:
    print("ready", flush=True)
    print(error, flush=True)
else:
    print("began", flush=True)
sys.stdin.readline()
"""
    at = str(time.time() + 4)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BEGIN + code, location, "race"],
            cwd=ROOT, text=True, env=os.environ | {"AT": at}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    try:
        said = [[process.stdout and process.stdout.readline() for _ in range(2)][1] or "" for process in processes]
        for process in processes:
            process.communicate("go\n", timeout=SECONDS)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert sum(line == "began\n" for line in said) == 1, said
    assert sum("run race is Running (attempt 2, process " in line for line in said) == 3, said
    run = ended(client, "race")
    assert (run["status"], run["attempt"], losses(client, "race")) == ("Completed", 2, STEPS)


def test_a_run_that_does_not_respond_is_taken_over_and_its_first_attempt_changes_nothing(
    location: str, client: Client, tmp_path: Path
) -> None:
    """A spot machine was taken away: the job goes on elsewhere, where no journal tells how it ended."""
    elsewhere = {"RUNLEDGER_JOURNAL_DIR": str(tmp_path / "elsewhere")}
    with script(location, "spot", "begin('never', 0); sys.stdin.readline(); sys.exit(7)", **elsewhere) as lost:
        client.execute(ChangeStatus(run_id="spot", status=RunStatus.NOT_RESPONDING))
        with script(location, "spot", "run = begin('allow', 100); sys.stdin.readline()") as process:
            lost.communicate("go\n", timeout=SECONDS)
            until(lambda: not any(each.is_file() for each in (tmp_path / "elsewhere").rglob("*")))
            run = client.run("spot")
            assert (run["status"], run["attempt"]) == ("Running", 2)
            first = run["attempts"][0]
            assert (first["status"], first["presumed"], first["error"]["code"]) == ("Failed", True, "NotResponding")
            process.communicate("go\n", timeout=SECONDS)
    assert ended(client, "spot")["status"] == "Completed"
    assert losses(client, "spot") == STEPS


def test_a_run_that_shall_be_canceled_is_not_resumed_before_it_is(
    location: str, experiment: Experiment, client: Client
) -> None:
    with script(location, "asked", "begin('never', 0); sys.stdin.readline()") as process:
        experiment.workspace.get_run("asked").cancel("a better one")
        with pytest.raises(RefusedError, match=r"shall be canceled \(canceled by .*: a better one\)"):
            experiment.start_logging(run_id="asked", resume="allow", snapshot_directory=None)
        process.kill()
        process.wait()
        # Its process is known to be dead: that ends it first.
        with experiment.start_logging(run_id="asked", resume="must", snapshot_directory=None) as run:
            assert not run.cancel_requested
    statuses = [each["status"] for each in client.run("asked")["attempts"]]
    assert statuses == ["Canceled", "Completed"]


def test_words_that_mean_nothing_are_refused_before_anything_is_done(experiment: Experiment) -> None:
    for wrong in ({"resume": "yes"}, {"on_cancel": "stop"}, {"resume": "must"}, {"resume": "join"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            experiment.start_logging(**wrong)  # type: ignore[arg-type]
    with pytest.raises(RunNotFoundError):
        experiment.start_logging(run_id="nobody", resume="must")
