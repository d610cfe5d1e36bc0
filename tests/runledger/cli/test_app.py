"""What holds for every command: what is loaded, exit codes, errors, pipes, interruption."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import RunNotFoundError
from ledger.problems import problem_of
from runledger import VERSION
from runledger.cli.app import COMMANDS, app
from tests.runledger.cli.calling import COMMAND, SECONDS, call, process

HEAVY = ("pydantic", "rich", "jmespath", "eventsourcing", "sqlite3", "aiokafka", "yaml")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "list", "--help"], ["verify", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    program = f"import sys; from runledger.cli import main; main({words!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert "runledger" in done.stdout
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_version() -> None:
    done = process("--version")
    assert (done.code, done.out, done.err) == (0, f"runledger {VERSION}\n", "")


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    context = app.make_context("runledger", [], resilient_parsing=True)
    for name, purpose in COMMANDS.items():
        command = app.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert purpose in call("--help").out
        assert (command.help or "").startswith(purpose.removesuffix("."))


def test_a_noun_without_a_verb_shows_its_help_as_wrong_usage() -> None:
    done = call("run")
    assert done.code == 2
    assert done.out == ""
    assert "history" in done.err


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["run", "lst"], ["run", "list", "--bogus"], ["run", "show"], ["run", "list", "--last", "abc"]],
)
def test_wrong_usage_is_one_line_and_2(words: list[str]) -> None:
    done = call(*words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("runledger: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("form", [["-o", "json"], ["-ojson"], ["--output=json"], ["--output", "jsonc"]])
@pytest.mark.parametrize(
    ("words", "name", "status"),
    [
        (["run", "list", "--bogus"], "wrong-usage", 400),
        (["run", "show", "-r", "x", "-w", "nowhere"], "workspace", 500),
    ],
)
def test_where_json_is_asked_for_an_error_is_a_problem_object(
    words: list[str], name: str, status: int, form: list[str]
) -> None:
    done = call(*words, *form)
    assert done.out == ""
    problem = json.loads(done.err)
    assert set(problem) == {"type", "title", "status", "detail"}
    assert (problem["type"], problem["status"]) == (f"urn:runledger:problem:{name}", status)


def test_a_problem_is_the_same_as_a_server_answers_with(workspace: Path) -> None:
    problem = json.loads(call("run", "show", "-r", "nobody", "-w", workspace, "-o", "json").err)
    assert problem == problem_of(RunNotFoundError("nobody"))


def test_where_json_is_only_the_default_an_error_is_a_line() -> None:
    assert call("run", "show", "-r", "x", "-w", "nowhere").err.startswith("runledger: ")


def test_an_unknown_run_is_3(workspace: Path) -> None:
    for verb in ("show", "history"):
        done = process("run", verb, "-r", "nobody", "-w", workspace)
        assert done.code == 3
        assert done.out == ""
        assert done.err.startswith("runledger: there is no run 'nobody'")
    assert json.loads(call("run", "show", "-r", "nobody", "-w", workspace, "-o", "json").err)["status"] == 404


def test_a_bad_name_is_4(workspace: Path) -> None:
    done = process("run", "tag", "-r", "first", " quality=x", "-w", workspace)
    assert done.code == 4
    assert "' quality'" in done.err
    assert "first" in call("run", "show", "-r", "first", "-w", workspace).out


def test_no_workspace_is_1_and_tells_the_way_out(tmp_path: Path) -> None:
    done = call("run", "list", "-w", tmp_path)
    assert done.code == 1
    assert f"{tmp_path} is not a workspace" in done.err
    assert "runledger init" in done.err


def test_the_nearest_workspace_upwards_is_found(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = workspace / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert len(call("run", "list").json) == 4


def test_an_option_names_the_workspace_before_the_noun_or_behind_the_verb(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path_factory.mktemp("nowhere")
    assert len(call("-w", workspace, "run", "list").json) == 4
    assert len(call("run", "--workspace", workspace, "list").json) == 4
    assert len(call("-w", nowhere, "run", "list", "-w", workspace).json) == 4
    monkeypatch.setenv("RUNLEDGER_WORKSPACE", str(nowhere))
    assert len(call("run", "list", "-w", workspace).json) == 4
    assert call("run", "list").code == 1


def test_a_broker_that_is_not_there_is_5(tmp_path: Path) -> None:
    assert call("init", tmp_path, "--log", "kafka://127.0.0.1:9/nobody").code == 0
    done = process("run", "list", "-w", tmp_path)
    assert done.code == 5
    assert done.out == ""
    assert done.err.startswith("runledger: no Kafka broker answers at kafka://127.0.0.1:9/nobody")
    assert done.err.count("\n") == 1


def test_a_traceback_is_shown_only_on_demand(tmp_path: Path) -> None:
    assert "Traceback" not in call("run", "list", "-w", tmp_path).err
    assert "Traceback" in call("run", "list", "-w", tmp_path, "--debug").err


def test_a_reader_who_leaves_early_is_no_error(workspace: Path) -> None:
    words = [*COMMAND, "events", "tail", "--follow", "-w", str(workspace)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline()
        running.stdout.close()
        # The next event meets a closed pipe.
        assert call("run", "tag", "-r", "first", "noticed", "-w", workspace).code == 0
        assert running.stderr.read() == ""
        assert running.wait(SECONDS) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_result_that_cannot_be_written_is_an_error(workspace: Path) -> None:
    words = [*COMMAND, "run", "list", "-w", str(workspace)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("runledger: ")
    assert done.stderr.count("\n") == 1


def test_an_interrupt_is_130(workspace: Path) -> None:
    words = [*COMMAND, "events", "tail", "--follow", "-w", str(workspace)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        os.kill(running.pid, signal.SIGINT)
        _, told = running.communicate(timeout=SECONDS)
    assert running.returncode == 130
    assert told == "runledger: interrupted\n"


def test_a_shell_can_complete_names() -> None:
    asked = {"_RUNLEDGER_COMPLETE": "bash_complete", "COMP_WORDS": "runledger proj", "COMP_CWORD": "1"}
    assert process(**asked).out == "plain,projection\n"


def test_wrong_jmespath_changes_nothing(workspace: Path) -> None:
    done = call("run", "tag", "-r", "first", "key", "-w", workspace, "--query", "a[")
    assert done.code == 2
    assert "key" not in call("run", "show", "-r", "first", "-w", workspace).json["tags"]
