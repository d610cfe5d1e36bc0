"""`run exec`: output, exit codes, signals and the run that comes of them, on a path and on a URL alike."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from runledger.cli.runs.passing import Tail
from tests.runledger.cli.calling import COMMAND, SECONDS, Called, call, process, terminal


def execute(place: str, run_id: str, *command: object, options: tuple[str, ...] = ()) -> Called:
    words = ["run", "exec", "-w", place, "-e", "commands", "-r", run_id, *options]
    return process(*words, "--", *command)


def shown(place: str, run_id: str) -> Any:
    return call("run", "show", "-w", place, "-r", run_id).json


def last_lines(place: Path, run_id: str) -> list[str]:
    """The lines in the terminal event of a run."""
    events = call("events", "tail", "-w", place, "--last", 1000, "-o", "json").out.splitlines()
    found = [json.loads(line) for line in events]
    return next(
        each["data"]["log_lines"] for each in found if each["stream"] == f"run:{run_id}" and each["data"].get("seal")
    )


@pytest.fixture
def run_id() -> str:
    return uuid4().hex


def test_output_passes_through_and_the_run_completes(place: str, run_id: str) -> None:
    done = execute(
        place, run_id, "sh", "-c", "echo out; echo err >&2", options=("--tags", "a=b", "--properties", "p=q")
    )
    assert (done.code, done.out) == (0, "out\n")
    assert done.err.endswith("err\n")
    assert run_id in done.err
    document = shown(place, run_id)
    assert (document["status"], document["experiment_name"], document["tags"]) == ("Completed", "commands", {"a": "b"})
    assert document["properties"]["p"] == "q"
    assert document["display_name"] == "sh -c 'echo out; echo err >&2'"


def test_the_exit_code_is_the_commands_and_the_run_fails_with_it(place: str, run_id: str) -> None:
    assert execute(place, run_id, "sh", "-c", "exit 41").code == 41
    document = shown(place, run_id)
    assert document["status"] == "Failed"
    assert document["error"] == {"code": "ExitCode41", "message": "sh -c 'exit 41' ended with exit code 41"}


def test_a_command_that_a_signal_ended_has_the_code_of_a_shell(place: str, run_id: str) -> None:
    assert execute(place, run_id, "sh", "-c", "kill -KILL $$").code == 128 + signal.SIGKILL
    assert shown(place, run_id)["error"]["code"] == "SIGKILL"


@pytest.mark.parametrize(("command", "code"), [("/no/such/program", 127), ("/", 126)])
def test_a_command_that_cannot_be_started_is_a_failed_run(place: str, run_id: str, command: str, code: int) -> None:
    assert execute(place, run_id, command).code == code
    document = shown(place, run_id)
    assert (document["status"], document["error"]["code"]) == ("Failed", "CommandNotStarted")
    assert command in document["error"]["message"]


def test_the_last_20_lines_stand_in_the_terminal_event(served: tuple[Path, str], place: str, run_id: str) -> None:
    execute(place, run_id, "sh", "-c", r"seq 30; printf '10%%\r100%%\rdone'")
    assert last_lines(served[0], run_id) == [*map(str, range(12, 31)), "done"]


def test_scripts_inside_log_to_the_run(place: str, run_id: str) -> None:
    words = " ".join([*COMMAND, "run", "log", "loss", "0.25", "--step", "3"])
    program = f"{words}; {' '.join(COMMAND)} run tag quality=good >&2"
    done = execute(place, run_id, "sh", "-c", program)
    assert (done.code, done.out) == (0, ""), done.err
    assert shown(place, run_id)["tags"] == {"quality": "good"}
    points = call("run", "metrics", "-w", place, "-r", run_id, "--name", "loss").json
    assert [(point["step"], point["value"]) for point in points] == [(3, 0.25)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("trap", ["", "trap 'exit 7' TERM INT; "])
def test_signals_go_to_the_command(place: str, run_id: str, number: signal.Signals, trap: str, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = f"{trap}touch {ready}; while :; do sleep 0.05; done" if trap else f"touch {ready}; exec sleep 60"
    words = [*COMMAND, "run", "exec", "-w", place, "-e", "commands", "-r", run_id, "--", "sh", "-c", program]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + SECONDS
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(number)
        running.communicate(timeout=SECONDS)
    document = shown(place, run_id)
    if trap:
        assert (running.returncode, document["status"]) == (7, "Failed")
    else:
        assert (running.returncode, document["status"]) == (128 + number, "Canceled")
        assert number.name in document["status_reason"]


def test_a_reader_that_has_seen_enough_ends_the_command_as_in_a_pipe(place: str, run_id: str) -> None:
    words = " ".join([*COMMAND, "run", "exec", "-w", place, "-e", "commands", "-r", run_id, "--", "yes"])
    done = subprocess.run(
        ["sh", "-c", f"{words} | head -n 1"], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout == "y\n"
    assert shown(place, run_id)["error"]["code"] == "SIGPIPE"


def test_much_output_is_neither_lost_nor_mixed_up(place: str, run_id: str) -> None:
    program = "import sys\nfor n in range(200_000): print(n)\nsys.stderr.write('e' * 300_000)"
    done = execute(place, run_id, sys.executable, "-c", program)
    assert done.out == "".join(f"{n}\n" for n in range(200_000))
    assert done.err.endswith("e" * 300_000)


def test_who_was_started_in_the_background_holds_nobody_up(place: str, run_id: str) -> None:
    begun = time.monotonic()
    assert execute(place, run_id, "sh", "-c", "sleep 50 & exit 0").code == 0
    assert time.monotonic() - begun < 30


def test_a_run_that_the_command_ended_itself_stays_as_it_is(place: str, run_id: str) -> None:
    program = f"{' '.join(COMMAND)} run complete -o none; exit 5"
    done = execute(place, run_id, "sh", "-c", program)
    assert done.code == 5
    assert "not recorded" in done.err
    assert shown(place, run_id)["status"] == "Completed"


def test_options_of_the_command_are_its_own(place: str, run_id: str) -> None:
    done = execute(place, run_id, "echo", "-o", "json", "--help", "--", "-w")
    assert done.out == "-o json --help -- -w\n"


def test_on_a_terminal_the_output_is_there_too(place: str, run_id: str) -> None:
    done = terminal("run", "exec", "-w", place, "-e", "commands", "-r", run_id, "--", "echo", "hello")
    assert (done.code, "hello\n" in done.out) == (0, True)


def test_without_a_command_or_an_experiment_it_is_wrong_usage(place: str) -> None:
    assert call("run", "exec", "-w", place, "-e", "commands").code == 2
    assert call("run", "exec", "-w", place, "--", "true").code == 2


def test_a_command_runs_also_while_the_server_is_away(tmp_path: Path, run_id: str) -> None:
    """What is recorded waits in a journal, and the command is not held up for ever."""
    environment = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "RUNLEDGER_WATCHDOG": "0"}
    words = ["run", "exec", "-w", "http://127.0.0.1:9", "-e", "commands", "-r", run_id]
    done = process(*words, "--", "sh", "-c", "echo out; exit 3", **environment)
    assert (done.code, done.out) == (3, "out\n")
    assert any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_tail_keeps_whole_lines_however_they_are_cut() -> None:
    tail = Tail(lines=3, length=5)
    feeder = tail.feeder()
    for part in (b"on", b"e\ntw", b"o\nthree and more\r\n", b"\xff\x00", b"\n", b"rest"):
        feeder.feed(part)
    assert tail.lines() == ["two", "three", "\ufffd\ufffd"]
    feeder.end()
    assert tail.lines() == ["three", "\ufffd\ufffd", "rest"]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    tail = Tail()
    feeder = tail.feeder()
    for _ in range(100):
        feeder.feed(b"x" * 60_000)
    feeder.end()
    assert [len(line) for line in tail.lines()] == [1000]


def test_ctrl_c_reaches_the_command_once(place: str, run_id: str) -> None:
    """A terminal sends it to the command itself, so we do not."""
    program = "n=0; trap 'n=$((n+1)); echo got $n' INT; echo ready; for i in $(seq 20); do sleep 0.05; done; echo end"
    words = [*COMMAND, "run", "exec", "-w", place, "-e", "commands", "-r", run_id, "--", "sh", "-c", program]
    ours, theirs = pty.openpty()
    adopt = f"import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv({words[0]!r}, {words!r})"
    with subprocess.Popen(
        [sys.executable, "-c", adopt], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as running:
        os.close(theirs)
        seen = b""
        while b"ready" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"\x03")
        with contextlib.suppress(OSError):  # Linux says so when the other side is closed
            while part := os.read(ours, 1000):
                seen += part
        assert running.wait(SECONDS) == 0
    os.close(ours)
    assert (b"got 1" in seen, b"got 2" in seen, b"end" in seen) == (True, False, True)
