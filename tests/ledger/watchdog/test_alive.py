"""Telling dead processes from living ones, and from those that cannot be seen from here."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ledger.watchdog import proc
from ledger.watchdog.alive import ProcessIdentity, is_gone
from tests.ledger.watchdog.scenes import COMMAND, ROOT, TOLD, refusal, unshare, until


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_is_there_until_it_has_ended(other: "subprocess.Popen[bytes]") -> None:
    identity = ProcessIdentity.of(other.pid)

    assert is_gone(identity) is False
    other.kill()
    until(lambda: is_gone(identity), "its end is seen, though nobody has asked for its status")
    other.wait()
    assert is_gone(identity) is True


def test_this_process_lives() -> None:
    assert is_gone(ProcessIdentity.of(os.getpid())) is False


def test_a_number_in_use_again_is_another_process() -> None:
    mine = ProcessIdentity.of(os.getpid())
    assert mine.start_time is not None

    assert is_gone(replace(mine, start_time=mine.start_time - 1)) is True


def test_what_is_elsewhere_cannot_be_known() -> None:
    mine = ProcessIdentity.of(os.getpid())

    assert is_gone(replace(mine, host="another")) is None
    assert is_gone(replace(mine, boot_id="another")) is None
    assert is_gone(replace(mine, pid_namespace="another")) is None


def test_without_a_start_time_only_absence_is_certain(other: "subprocess.Popen[bytes]") -> None:
    identity = replace(ProcessIdentity.of(other.pid), start_time=None)

    assert is_gone(identity) is None
    other.kill()
    other.wait()
    assert is_gone(identity) is True
    assert is_gone(replace(identity, pid=2**70)) is None


def test_an_identity_survives_being_written() -> None:
    mine = ProcessIdentity.of(os.getpid())
    content = json.loads(json.dumps(asdict(mine)))

    assert ProcessIdentity.from_json(content | {"later": 1}) == mine


def test_a_name_with_brackets_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to(shutil.which("sleep") or "/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        until(lambda: Path(f"/proc/{process.pid}/comm").read_text().strip() == program.name, "it runs")
        found = proc.stat(process.pid)
        process.kill()

    assert found is not None
    assert found[0] in "RSD"


def test_where_proc_counts_otherwise_it_is_not_believed(tmp_path: Path) -> None:
    """In a PID namespace that sees the /proc of another, without pidfd: what is left is to look for the number.

    Where no namespace can be made, /proc is believed.
    """
    inside = refusal() is None
    script = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from ledger.watchdog import alive, evidence, start
del os.pidfd_open
folder = Path({str(tmp_path / "a")!r})
evidence.install(folder)
started = start.start(folder, {COMMAND!r})
identity = alive.ProcessIdentity.of(os.getpid())
print(identity.start_time is None, alive.is_gone(identity), started.problem, flush=True)
sys.exit(3)
"""
    # The shell is PID 1, and stays until the end is told.
    waiting = f'"$@"; while [ ! -e {tmp_path}/a/{TOLD} ]; do sleep 0.05; done'
    done = subprocess.run(
        [*(unshare() if inside else ()), "sh", "-c", waiting, "sh", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == ("True None None\n" if inside else "False False None\n"), done.stderr
    content = json.loads((tmp_path / "a" / "ending.json").read_text())
    assert content["ending"]["exit_code"] == 3
    assert content["evidence"]["kernel_status"] is None or not inside
