"""Workspaces with mails to send, processes that send them, and what the relay has in the end."""

import email.policy
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.alerts.sinks import Envelope
from tests.runledger.relay import Relay

ROOT = Path(__file__).resolve().parents[3]
CONNECTIONS = 8
SECONDS = 90

_HEADERS = BytesParser(policy=email.policy.default)


def failed_runs(folder: Path, runs: int, *recipients: str, **definition: Any) -> str:
    """A workspace in which so many runs failed, and the id of its rule about them."""
    make_folder(folder, log="sqlite")
    rule_id = new_command_id()
    known = {"name": "failures", "recipients": recipients, "retry": {"first_seconds": 1, "longest_seconds": 1}}
    with closing(connect(str(folder))) as client:
        client.execute(DefineRule(rule_id=rule_id, definition=known | definition))
        for number in range(runs):
            client.execute(StartRun(run_id=f"r{number}", experiment="e"))
            client.execute(ChangeStatus(run_id=f"r{number}", status=RunStatus.FAILED))
    return rule_id


def sender(
    folder: Path, relay: Relay, point: str = "", *, options: str = "", module: str = "tests.runledger.mail_victim"
) -> "subprocess.Popen[bytes]":
    """A process that sends what is due, and kills itself at a point if one is named."""
    settings = relay.settings
    settings["RUNLEDGER_SMTP_URL"] += options
    command = [sys.executable, "-m", module, str(folder), point]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stderr=subprocess.PIPE)


def ended(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of a process that ends by itself or was killed."""
    process.communicate(timeout=SECONDS)
    return process.returncode


def finish(folder: Path, relay: Relay, *, options: str = "", times: int = 20) -> None:
    """Others send until nothing waits, as the service does when the time for it has come."""
    states: Counter[str] = Counter()
    for _ in range(times):
        process = sender(folder, relay, options=options)
        _, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said.decode()
        states = states_of(folder)
        if set(states) <= {"sent"}:
            return
    raise AssertionError(states)


def states_of(folder: Path) -> Counter[str]:
    """How many notifications are in which state, by the log."""
    with closing(connect(str(folder))) as client:
        return Counter(str(each["state"]) for rule in client.rules() for each in client.deliveries(rule["rule_id"]))


@dataclass(frozen=True)
class Taken:
    """The mails that a relay took: of each who was told what under which Message-ID, in order."""

    mails: Sequence[tuple[str, str, str]]

    @classmethod
    def of(cls, mails: Sequence[Envelope]) -> "Taken":
        """Read what the relay kept."""
        return cls([(mail.recipient, *_named(mail)) for mail in mails])

    def lost(self, wanted: int) -> int:
        """How many of the mails that had to come did not."""
        return wanted - len({mail[:2] for mail in self.mails})

    def again(self) -> int:
        """How many came that had come before."""
        return len(self.mails) - len({mail[:2] for mail in self.mails})

    def under_new_ids(self) -> int:
        """How many came again under another Message-ID, so that nobody could tell."""
        return len(set(self.mails)) - len({mail[:2] for mail in self.mails})

    def ids_of_two(self) -> int:
        """How many Message-IDs are those of several mails."""
        return len(set(self.mails)) - len({mail[2] for mail in self.mails})

    def figures(self, wanted: int) -> Mapping[str, int]:
        """What is promised about them, in numbers."""
        return {
            "mails": wanted,
            "lost": self.lost(wanted),
            "twice": self.again(),
            "twice under a new id": self.under_new_ids(),
        }

    def hold(self, wanted: int, *, twice: int) -> bool:
        """Whether none is lost, at most so many came again, and those under one id."""
        return (self.lost(wanted), self.under_new_ids(), self.ids_of_two()) == (0, 0, 0) and self.again() <= twice


def _named(mail: Envelope) -> tuple[str, str]:
    message = _HEADERS.parsebytes(mail.content, headersonly=True)
    return str(message["subject"]), str(message["message-id"])
