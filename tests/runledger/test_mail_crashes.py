"""SIGKILL at every point between an event and its mail: nothing is lost, and what comes twice is the same mail.

`tests/faults/mails/points.py` has the same points while the relay fails too; `make faults` runs all of both.
"""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.commands import DefineRule, StartRun, new_command_id
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.faults.mails.points import FAULTS, FAULTY, IN_THE_PROCESS, ON_THE_WIRE, RUNS, SHORT_PATIENCE, dying, failing
from tests.faults.mails.senders import CONNECTIONS, Taken, finish
from tests.runledger.relay import Relay, relaying


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace in which a rule is about 12 runs that failed."""
    return failing(tmp_path / "workspace")


def check(relay: Relay, *, twice: int) -> None:
    """Each mail came whole, at most so many came twice, and those under one id."""
    taken = Taken.of(relay.sink.mails)
    assert taken.hold(RUNS, twice=twice), taken.figures(RUNS)
    assert len({mail.content for mail in relay.sink.mails}) == RUNS


@pytest.mark.parametrize("point", IN_THE_PROCESS)
def test_a_sender_that_dies_between_two_steps(workspace: Path, point: str) -> None:
    with relaying() as relay:
        assert dying(workspace, relay, point)
        finish(workspace, relay)
        # Of several mails under way some may have been taken while one was not even begun.
        check(relay, twice=0 if point in {"folded", "claiming", "claimed"} else CONNECTIONS)


@pytest.mark.parametrize("point", ["passing", "passed", "claimed"])
def test_a_sender_that_dies_when_a_group_is_due(tmp_path: Path, point: str) -> None:
    make_folder(tmp_path, log="sqlite")
    definition = {"name": "n", "recipients": ["maria@example.org"], "group": {"by": [], "wait_seconds": 1}}
    with closing(connect(str(tmp_path))) as client:
        client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
        for number in range(RUNS):
            client.execute(StartRun(run_id=f"r{number}", experiment="e", status=RunStatus.FAILED))
    time.sleep(1.5)
    with relaying() as relay:
        assert dying(tmp_path, relay, point)
        finish(tmp_path, relay)
        (message,) = relay.messages()
        assert f"{RUNS} runs: {RUNS} Failed" in str(message["subject"])


@pytest.mark.parametrize("phase", ON_THE_WIRE)
def test_a_sender_that_dies_in_the_middle_of_a_mail(workspace: Path, phase: str) -> None:
    with relaying() as relay:
        assert dying(workspace, relay, phase)
        finish(workspace, relay)
        check(relay, twice=CONNECTIONS)


@pytest.mark.parametrize("what", FAULTS)
def test_a_relay_that_does_not_keep_its_word(workspace: Path, what: str) -> None:
    options = SHORT_PATIENCE if what == "answers late" else ""
    with relaying([replace(fault) for fault in FAULTS[what]]) as relay:
        finish(workspace, relay, options=options)
        check(relay, twice=FAULTY)


def test_what_was_sent_is_not_sent_again_when_all_that_is_derived_is_gone(workspace: Path) -> None:
    with relaying() as relay:
        finish(workspace, relay)
        for file in (workspace / ".runledger").glob("views.db*"):
            file.unlink()
        finish(workspace, relay)
        check(relay, twice=0)
