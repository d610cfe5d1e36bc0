"""SIGKILL at every point between an event and its mail: nothing is lost, and what comes twice is the same mail."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.alerts.sinks import Fault
from tests.runledger.relay import Relay, relaying

ROOT = Path(__file__).resolve().parents[2]
RUNS = 12
CONNECTIONS = 8

BEFORE_THE_DOT = ("folded", "claiming", "claimed", "composed", "sending")
BEHIND_THE_DOT = ("sent", "settling")
ON_THE_WIRE = ("MAIL", "RCPT", "DATA", "half the body")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace in which a rule is about 12 runs that failed."""
    make_folder(tmp_path, log="sqlite")
    client = connect(str(tmp_path))
    definition = {
        "name": "failures",
        "recipients": ["maria@example.org"],
        "retry": {"first_seconds": 1, "longest_seconds": 1},
        # So large that a mail goes out in several pieces.
        "templates": {"text": "{{ run }}\n" + "a line of the mail\n" * 3_000},
    }
    client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
    for number in range(RUNS):
        client.execute(StartRun(run_id=f"r{number}", experiment="e"))
        client.execute(ChangeStatus(run_id=f"r{number}", status=RunStatus.FAILED))
    client.close()
    return tmp_path


def sender(workspace: Path, relay: Relay, point: str = "", options: str = "") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.runledger.mail_victim", str(workspace), point]
    settings = relay.settings
    settings["RUNLEDGER_SMTP_URL"] += options
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stderr=subprocess.PIPE)


def finish(workspace: Path, relay: Relay, options: str = "") -> None:
    """Another sender does what is left."""
    running = sender(workspace, relay, options=options)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 0, told.decode()


def check(relay: Relay, *, twice: int) -> None:
    """Each mail came, at most so many came twice, and those under one id."""
    ids = Counter(str(message["message-id"]) for message in relay.messages())
    runs = {str(message["subject"]) for message in relay.messages()}
    assert len(runs) == len(ids) == RUNS
    assert sum(count - 1 for count in ids.values()) <= twice
    contents = {mail.content for mail in relay.sink.mails}
    assert len(contents) == RUNS


@pytest.mark.parametrize("point", [*BEFORE_THE_DOT, *BEHIND_THE_DOT, "settled"])
def test_a_sender_that_dies_between_two_steps(workspace: Path, point: str) -> None:
    with relaying() as relay:
        killed = sender(workspace, relay, point)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        finish(workspace, relay)
        # Of several mails under way some may have been taken while one was not even begun.
        check(relay, twice=0 if point in {"folded", "claiming", "claimed"} else CONNECTIONS)


@pytest.mark.parametrize("point", ["passing", "passed", "claimed"])
def test_a_sender_that_dies_when_a_group_is_due(tmp_path: Path, point: str) -> None:
    make_folder(tmp_path, log="sqlite")
    client = connect(str(tmp_path))
    definition = {"name": "n", "recipients": ["maria@example.org"], "group": {"by": [], "wait_seconds": 1}}
    client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
    for number in range(RUNS):
        client.execute(StartRun(run_id=f"r{number}", experiment="e", status=RunStatus.FAILED))
    client.close()
    time.sleep(1.5)
    with relaying() as relay:
        killed = sender(tmp_path, relay, point)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        finish(tmp_path, relay)
        (message,) = relay.messages()
        assert f"{RUNS} runs: {RUNS} Failed" in str(message["subject"])


@pytest.mark.parametrize("phase", [*ON_THE_WIRE, "taken"])
def test_a_sender_that_dies_in_the_middle_of_a_mail(workspace: Path, phase: str) -> None:
    victims: list[subprocess.Popen[bytes]] = []

    def reached(where: str) -> None:
        if where == phase and victims:
            victims.pop().send_signal(signal.SIGKILL)

    with relaying(reached=reached) as relay:
        killed = sender(workspace, relay)
        victims.append(killed)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        finish(workspace, relay)
        check(relay, twice=CONNECTIONS)


FAULTS: dict[str, Sequence[Fault]] = {
    "dies before it stores": [Fault("body", drop=True, after=4 * n, times=1) for n in range(3)],
    "refuses the body for now": [Fault("body", reply="451 later", after=4 * n, times=1) for n in range(3)],
    "stores, then dies": [Fault("body", drop=True, stored=True, after=4 * n, times=1) for n in range(3)],
    "answers late": [Fault("body", delay=1.5, stored=True, times=2)],
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_relay_that_does_not_keep_its_word(workspace: Path, what: str) -> None:
    options = "?final=0.5" if what == "answers late" else ""
    with relaying([replace(fault) for fault in FAULTS[what]]) as relay:
        finish_all(workspace, relay, options)
        check(relay, twice=3)


def finish_all(workspace: Path, relay: Relay, options: str) -> None:
    """Send again until nothing waits, as the service does when the time for it has come."""
    for _ in range(10):
        finish(workspace, relay, options)
        client = connect(str(workspace))
        (rule,) = client.rules()
        states = Counter(each["state"] for each in client.deliveries(rule["rule_id"]))
        client.close()
        if states["sent"] == RUNS:
            return
    raise AssertionError(states)


def test_what_was_sent_is_not_sent_again_when_all_that_is_derived_is_gone(workspace: Path) -> None:
    with relaying() as relay:
        finish(workspace, relay)
        for file in (workspace / ".runledger").glob("views.db*"):
            file.unlink()
        finish(workspace, relay)
        check(relay, twice=0)
