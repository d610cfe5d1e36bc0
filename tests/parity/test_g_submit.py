"""Submitted scripts: run, watched, canceled, failed (parity B8, G1 to G3, H2, H5, H7, H8)."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ledger.commands import ChangeStatus, StartRun
from runledger import (
    ActivityFailedException,
    Experiment,
    ExperimentExecutionException,
    Run,
    ScriptRun,
    ScriptRunConfig,
    UserErrorException,
    Workspace,
)
from runledger.wiring import embedded_workspace
from schemas.events import RunStatusChangedEvent
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running

HELLO = """
from runledger import Run
run = Run.get_context()
run.log(name="message", value="Hello from run!")
print("hello to the log")
run.complete()
"""
DELAY = "import time\nprint('waiting', flush=True)\ntime.sleep(60)\n"


def config(source: Path, code: str, **named: object) -> ScriptRunConfig:
    (source / "script.py").write_text(code, encoding="utf-8")
    return ScriptRunConfig(source_directory=source, script="script.py", **named)  # type: ignore[arg-type]


def until(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def statuses(run: Run) -> list[str]:
    entries = run.experiment.workspace.client.history(run.id)
    return [change.after for entry in entries for change in entry.changes if change.field == "status"]


def log_of(run: Run) -> Path:
    return run.experiment.workspace.compute_targets["local"].logs(run.id)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_g1_a_script_runs_from_early_statuses_to_its_end(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(config(source, HELLO), tags={"a": "b"})
    details = run.wait_for_completion()

    assert isinstance(run, ScriptRun)
    assert run.type == ScriptRun.RUN_TYPE == "azureml.scriptrun"
    name, epoch, letters = run.id.rsplit("_", 2)
    assert (name, len(letters)) == ("explore-runs", 8)
    assert abs(time.time() - int(epoch)) < 60
    assert statuses(run) == ["Starting", "Preparing", "Queued", "Running", "Finalizing", "Completed"]
    assert details["status"] == "Completed"
    assert (run.get_metrics(), run.get_tags()) == ({"message": "Hello from run!"}, {"a": "b"})
    assert "hello to the log" in log_of(run).read_text()


def test_g1_what_is_not_there_is_named_before_anything_is_written(experiment: Experiment, source: Path) -> None:
    with pytest.raises(ExperimentExecutionException, match=r"source/nothing\.py"):
        experiment.submit(ScriptRunConfig(source, "nothing.py"))
    with pytest.raises(ExperimentExecutionException, match="nowhere"):
        experiment.submit(ScriptRunConfig(source / "nowhere", "nothing.py"))
    with pytest.raises(KeyError, match=r"gpu-cluster.*there are: local"):
        experiment.submit(config(source, HELLO, compute_target="gpu-cluster"))
    with pytest.raises(UserErrorException, match="either"):
        ScriptRunConfig(source, "a.py", command=["true"])
    with pytest.raises(UserErrorException, match="list"):
        ScriptRunConfig(source, "a.py", arguments="--a b")
    with pytest.raises(UserErrorException, match="name a script"):
        ScriptRunConfig(source)
    assert list(experiment.get_runs()) == []


def test_h2_output_is_shown_and_a_failure_raised(
    experiment: Experiment, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = experiment.submit(config(source, "print('almost there')\nraise ValueError('no luck')\n"))
    with pytest.raises(ActivityFailedException, match="exit code 1") as raised:
        run.wait_for_completion(show_output=True)

    shown = capsys.readouterr().out
    for text in (f"RunId: {run.id}", "Streaming user_logs/std_log.txt", "almost there", "Execution Summary", "Failed"):
        assert text in shown
    assert raised.value.error["code"] == "ExitCode"
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"


def test_h2_ctrl_c_leaves_the_run_going(experiment: Experiment, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = experiment.submit(config(source, DELAY))
    until(lambda: run.get_status() == "Running")

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ledger.sdk.submitted.time.sleep", interrupted)
        with pytest.raises(ExperimentExecutionException, match="goes on"):
            run.wait_for_completion()
    assert run.get_status() == "Running"
    run.cancel()


def test_an_exception_that_a_run_saw_is_its_error(experiment: Experiment, source: Path) -> None:
    code = "from runledger import Run\nwith Run.get_context():\n    raise ValueError('no luck')\n"
    run = experiment.submit(config(source, code))
    run.wait_for_completion(raise_on_error=False)

    error = run.get_details()["error"]
    assert (error["type"], error["message"]) == ("ValueError", "User program failed with ValueError: no luck")
    assert statuses(run)[-2:] == ["Finalizing", "Failed"]


def test_the_last_lines_of_the_log_come_with_the_end(experiment: Experiment, source: Path, place: Path) -> None:
    code = "import sys\nfor n in range(50):\n    print('line', n)\nsys.stdout.flush()\nsys.exit(3)\n"
    run = experiment.submit(config(source, code))
    run.wait_for_completion(raise_on_error=False)

    with embedded_workspace(str(place)) as parts:
        end = [event.event for event in parts.feed.of_run(run.id)][-1]
    assert isinstance(end, RunStatusChangedEvent)
    assert end.log_lines == [f"line {number}" for number in range(30, 50)]
    assert run.get_details()["error"]["message"] == "The script ended with exit code 3."


def test_a_print_is_seen_while_the_script_still_runs(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(config(source, "import time\nprint('step 1')\ntime.sleep(60)\n"))
    until(lambda: "step 1" in log_of(run).read_text())

    assert run.get_status() == "Running"
    run.cancel()


_TREE = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
lost = subprocess.Popen(["sleep", "600"], start_new_session=True)
deep = subprocess.run(["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"], stdout=subprocess.PIPE, text=True)
print("pids", os.getpid(), child.pid, lost.pid, deep.stdout.strip(), flush=True)
time.sleep(600)
"""


def test_g2_cancel_ends_the_whole_tree_of_processes(experiment: Experiment, source: Path, place: Path) -> None:
    with (place / ".runledger" / "config.toml").open("a") as file:
        file.write('[targets.impatient]\nkind = "local"\ngrace_seconds = 0.5\n')
    run = experiment.submit(config(source, _TREE, compute_target="impatient"))
    until(lambda: "pids" in log_of(run).read_text())
    pids = [int(word) for word in log_of(run).read_text().split()[1:]]
    assert all(alive(pid) for pid in pids)
    run.cancel(reason="no longer needed")

    assert run.get_status() == "Canceled"
    assert not any(alive(pid) for pid in pids)
    assert statuses(run)[-2:] == ["CancelRequested", "Canceled"]
    run.cancel()
    assert run.get_detailed_status() == {"status": "Canceled", "details": "no longer needed"}


def test_g2_cancel_by_another_handle_is_the_same(experiment: Experiment, source: Path, place: Path) -> None:
    run = experiment.submit(config(source, DELAY))
    until(lambda: run.get_status() == "Running")
    with Workspace(place) as other:
        Run(Experiment(other, "explore-runs"), run.id).cancel()

    assert run.get_status() == "Canceled"


def test_g3_failing_a_submitted_run_ends_its_script(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(config(source, "import os\n" + DELAY.replace("'waiting'", "'pid', os.getpid()")))
    until(lambda: "pid" in log_of(run).read_text())
    pid = int(log_of(run).read_text().split()[1])
    run.fail("wrong data", error_code="Data")

    assert run.get_status() == "Failed"
    assert run.get_details()["error"] == {"code": "Data", "message": "wrong data"}
    until(lambda: not alive(pid))
    assert statuses(run)[-1] == "Failed"


def test_only_the_script_completes_a_submitted_run(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(config(source, DELAY))
    with pytest.raises(UserErrorException, match="submitted"):
        run.complete()
    run.cancel()


def test_a_run_that_takes_too_long_is_canceled(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(config(source, DELAY, max_run_duration_seconds=0.5))
    details = run.wait_for_completion()

    assert details["status"] == "Canceled"
    assert "max_run_duration_seconds=0.5" in run.get_detailed_status()["details"]


def test_cancel_does_not_hang_where_the_supervisor_is_gone(experiment: Experiment, source: Path) -> None:
    code = "import os, time\nprint('parent', os.getppid(), flush=True)\ntime.sleep(60)\n"
    run = experiment.submit(config(source, code))
    until(lambda: "parent" in log_of(run).read_text())
    os.kill(int(log_of(run).read_text().split()[1]), signal.SIGKILL)
    with suppress(UserErrorException):  # its watchdog may be faster, and a run that has failed is not canceled
        run.cancel()

    assert run.get_status() in {"Canceled", "Failed"}


def test_a_supervisor_that_is_killed_takes_its_script_along_and_leaves_a_failed_run(
    experiment: Experiment, source: Path
) -> None:
    code = "import os, time\nprint('parent', os.getppid(), os.getpid(), flush=True)\ntime.sleep(60)\n"
    run = experiment.submit(config(source, code))
    until(lambda: "parent" in log_of(run).read_text())
    supervisor, script = map(int, log_of(run).read_text().split()[1:])
    os.kill(supervisor, signal.SIGKILL)

    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"
    until(lambda: not alive(script))


def test_a_command_that_is_not_there_fails_and_says_so(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(ScriptRunConfig(source, command=["no-such-program", "-v"]))

    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"
    assert "no-such-program cannot be run" in log_of(run).read_text()


def test_h5_children_with_arguments_wait_for_a_place_on_a_named_target(
    experiment: Experiment, source: Path, place: Path
) -> None:
    with (place / ".runledger" / "config.toml").open("a") as file:
        file.write('[targets.gpu-cluster]\nkind = "local"\nmax_concurrent = 1\n')
    code = (
        "import sys, time\nfrom runledger import Run\nrun = Run.get_context()\n"
        "run.log('fruit', sys.argv[2])\nrun.log('began', time.time())\ntime.sleep(0.5)\nrun.log('ended', time.time())\n"
    )
    parent = experiment.start_logging()
    target = experiment.workspace.compute_targets["gpu-cluster"]
    children = []
    for fruit in ("Apple", "Banana", "Cherry"):
        script = config(source, code, arguments=["--fruit", fruit], compute_target=target)
        children.append(parent.submit_child(script, tags={"fruit": fruit}))
        assert {run.id for run in parent.get_children()} == {run.id for run in children}
    for child in parent.get_children():
        assert child.wait_for_completion(show_output=False)["status"] == "Completed"

    metrics = [child.get_metrics() for child in children]
    assert [each["fruit"] for each in metrics] == ["Apple", "Banana", "Cherry"]
    assert [child.get_details()["target"] for child in children] == ["gpu-cluster"] * 3
    assert metrics[0]["ended"] <= metrics[1]["began"]
    assert metrics[1]["ended"] <= metrics[2]["began"]
    assert {child.parent.id for child in children if child.parent} == {parent.id}


def test_a_run_in_the_queue_can_be_canceled(experiment: Experiment, source: Path, place: Path) -> None:
    with (place / ".runledger" / "config.toml").open("a") as file:
        file.write('[targets.one]\nkind = "local"\nmax_concurrent = 1\n')
    first = experiment.submit(config(source, DELAY, compute_target="one"))
    until(lambda: first.get_status() == "Running")
    second = experiment.submit(config(source, HELLO, compute_target="one"))
    until(lambda: second.get_status() == "Queued")

    assert "1 place" in second.get_detailed_status()["details"]
    second.cancel()
    assert second.get_status() == "Canceled"
    assert "Running" not in statuses(second)
    assert first.get_status() == "Running"
    first.cancel()


def test_a_command_with_variables(experiment: Experiment, source: Path) -> None:
    run = experiment.submit(
        ScriptRunConfig(source, command="echo $WORD $(pwd)", environment_variables={"WORD": "hello"})
    )
    run.wait_for_completion()

    word, folder = log_of(run).read_text().split()
    assert word == "hello"
    assert Path(folder) == log_of(run).parents[1] / "code"


def test_a_configuration_may_be_changed_until_it_is_submitted(experiment: Experiment, source: Path) -> None:
    script = config(source, "import os, sys\nprint(os.environ['WORD'], sys.argv[1:])\n", arguments=[1, 0.5])
    script.run_config.environment_variables["WORD"] = "late"
    run = experiment.submit(script)
    run.wait_for_completion()

    assert log_of(run).read_text() == "late ['1', '0.5']\n"


def test_a_target_that_cannot_be_is_named(workspace: Workspace, place: Path) -> None:
    with (place / ".runledger" / "config.toml").open("a") as file:
        file.write('[targets.cloud]\nkind = "cloud"\n')
    with pytest.raises(Exception, match=r"cloud.*kind"):
        workspace.compute_targets["local"]


def test_h8_a_submitted_child_knows_its_parent_behind_a_server(place: Path, source: Path) -> None:
    code = (
        "from runledger import Run\nchild = Run.get_context(allow_offline=False)\n"
        "assert Run.get_context() is child\nchild.tag('parent', child.parent.id)\n"
        "child.parent.log('from', child.id)\nchild.parent.flush()\n"
    )
    with running(place) as server, Workspace(server.url) as workspace:
        parent = Experiment(workspace, "remote").start_logging()
        child = parent.submit_child(config(source, code))
        assert child.wait_for_completion(show_output=True)["status"] == "Completed"

        assert child.get_tags() == {"parent": parent.id}
        assert parent.get_metrics() == {"from": child.id}
        assert child.get_portal_url() == f"{server.url}/runs/{child.id}"


_SUBMITS = """
import sys
from runledger import Run, ScriptRunConfig
parent = Run.get_context()
for number in range(2):
    parent.submit_child(ScriptRunConfig(".", "child.py", arguments=[number]))
"""


def test_h5_a_script_that_submits_children_may_end_before_them(experiment: Experiment, source: Path) -> None:
    waits = f"import os, time\nwhile not os.path.exists({str(source / 'go')!r}):\n    time.sleep(0.05)\n"
    (source / "child.py").write_text(waits, encoding="utf-8")
    parent = experiment.submit(config(source, _SUBMITS))
    parent.wait_for_completion(show_output=True)
    children = list(parent.get_children())
    early = [child.get_status() for child in children]
    (source / "go").touch()

    assert len(children) == 2
    assert "Completed" not in early
    assert [child.wait_for_completion()["status"] for child in children] == ["Completed"] * 2


def test_a_script_goes_on_and_ends_while_the_server_is_away(place: Path, source: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    with running(place, "--port", port) as server, Workspace(server.url) as workspace:
        run = Experiment(workspace, "remote").submit(config(source, "import time\nprint('on')\ntime.sleep(2)\n"))
        until(lambda: run.get_status() == "Running")
    time.sleep(3)
    with running(place, "--port", port) as server, Workspace(server.url) as workspace:
        again = workspace.get_run(run.id)
        assert again.wait_for_completion()["status"] == "Completed"
        assert statuses(again) == ["Starting", "Preparing", "Queued", "Running", "Finalizing", "Completed"]


def test_g1_a_script_is_submitted_to_a_url(anywhere: Experiment, source: Path, location: str) -> None:
    """On a path and on a URL: it runs on this machine under a supervisor, and reports to the workspace it came from."""
    run = anywhere.submit(config(source, HELLO))
    assert run.wait_for_completion()["status"] == "Completed"

    with Workspace(location) as other:
        again = other.get_run(run.id)
        assert isinstance(again, ScriptRun)
        assert statuses(again) == ["Starting", "Preparing", "Queued", "Running", "Finalizing", "Completed"]
        assert again.get_metrics() == {"message": "Hello from run!"}


def test_g2_a_script_is_canceled_on_a_url(anywhere: Experiment, source: Path) -> None:
    """On a path and on a URL: its processes are gone when `cancel()` comes back; a second time changes nothing."""
    run = anywhere.submit(config(source, "import os\n" + DELAY.replace("'waiting'", "'pid', os.getpid()")))
    until(lambda: "pid" in log_of(run).read_text())
    pid = int(log_of(run).read_text().split()[1])
    run.cancel()
    run.cancel()

    assert run.get_status() == "Canceled"
    assert not alive(pid)


def test_g4_a_command_cancels_a_run(anywhere: Experiment, source: Path, location: str) -> None:
    """`run cancel -r ID -w WORKSPACE -e NAME`: 0 and the line of the original; its script ends; unknown is 3."""
    submitted = anywhere.submit(config(source, "import os\n" + DELAY.replace("'waiting'", "'pid', os.getpid()")))
    until(lambda: "pid" in log_of(submitted).read_text())
    pid = int(log_of(submitted).read_text().split()[1])
    ended = f"{anywhere.name}-ended"
    anywhere.workspace.client.execute(StartRun(run_id=ended, experiment=anywhere.name))
    anywhere.workspace.client.execute(ChangeStatus(run_id=ended, status=RunStatus.COMPLETED))

    words = ("run", "cancel", "-r", submitted.id, "-w", location)
    assert call(*words, "-e", "other").code == 3
    assert submitted.get_status() == "Running"
    done = call(*words, "-e", anywhere.name, "-g", "group", "--reason", "no longer needed")
    assert (done.code, done.out) == (0, "Experiment run canceled successfully.\n"), done.err
    assert submitted.get_detailed_status() == {"status": "Canceled", "details": "no longer needed"}
    assert call(*words).code == 0
    assert not alive(pid)
    assert call("run", "cancel", "-r", ended, "-w", location).code == 4
    assert call("run", "cancel", "-r", "nothing", "-w", location).code == 3


def test_g3_a_run_is_failed_with_an_error(anywhere: Experiment) -> None:
    """`fail(error_details, error_code)`: text or exception; anything else is a TypeError and changes nothing."""
    told, raised, plain = (anywhere.start_logging(snapshot_directory=None) for _ in range(3))
    with pytest.raises(TypeError, match="int"):
        plain.fail(3)  # type: ignore[arg-type]
    assert plain.get_status() == "Running"
    told.fail("wrong data", "Data")
    raised.fail(error_details=ValueError("no luck"))
    plain.fail()

    assert [run.get_status() for run in (told, raised, plain)] == ["Failed"] * 3
    errors = [run.get_details()["error"] for run in (told, raised, plain)]
    assert [(error["code"], error["message"]) for error in errors] == [
        ("Data", "wrong data"),
        ("UserError", "User program failed with ValueError: no luck"),
        ("UserError", "the run was failed by its script"),
    ]
