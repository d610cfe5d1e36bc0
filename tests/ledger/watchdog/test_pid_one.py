"""Training that is PID 1 of a container: the watchdog dies with it, so it is held at its exit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ledger.watchdog.folder import ENDING, EvidenceFolder
from ledger.watchdog.verdict import COMPLETED, KILLED, decide
from tests.ledger.watchdog.scenes import (
    ROOT,
    TOLD,
    Scene,
    assert_no_process_is_left,
    play,
    refusal,
    unshare,
    until,
    watchdog_of,
)


def _play_as_one(folder: Path, code: str, before: str = "", *more: str) -> Scene:
    """Where there are no namespaces, a script that only believes it: its watchdog would live on, but works alike."""
    if refusal() is None:
        return play(folder, code, f"assert os.getpid() == 1\n{before}", by=unshare(*more))
    return play(folder, code, f"import ledger.watchdog.start as module; module._INIT = os.getpid()\n{before}")


def test_every_end_that_runs_python_is_told_before_pid_one_is_gone(tmp_path: Path) -> None:
    """With a /proc of its own; with that of another namespace, not to be believed; and with no pidfd."""
    ends = {
        "pass": ("Completed", None, 0),
        "sys.exit(3)": ("Failed", "ExitCode", 3),
        "def train(): 1 / 0\ntrain()": ("Failed", "UserError", 1),
    }
    systems = (("", "--mount-proc"), ("",), ("del os.pidfd_open",), ("del os.pidfd_open", "--mount-proc"))
    played = [
        (_play_as_one(tmp_path / f"{place}-{number}", code, *system), expected)
        for place, (code, expected) in enumerate(ends.items())
        for number, system in enumerate(systems)
    ]
    for scene, expected in played:
        scene.process.wait(30)
        assert (scene.folder / TOLD).exists(), "the command ran before the end"
        ending = scene.ending()
        assert (ending.status, ending.code, ending.exit_code) == expected
        assert_no_process_is_left(scene.folder)


def test_what_ends_pid_one_from_outside_ends_its_watchdog_and_is_judged_later(tmp_path: Path) -> None:
    scene = _play_as_one(tmp_path / "a", "ready(); time.sleep(60)")
    until((scene.folder / "ready").exists, "the script is ready")
    watchdog_of(scene.folder)
    inside = psutil.Process(scene.process.pid).children() or [psutil.Process(scene.process.pid)]
    os.kill(inside[0].pid, signal.SIGKILL)
    scene.process.wait(30)
    assert_no_process_is_left(scene.folder)

    if refusal() is None:
        assert not (scene.folder / ENDING).exists()
        assert decide(EvidenceFolder(scene.folder).evidence()).reason == KILLED
    else:
        assert scene.ending().signal == "SIGKILL"


def test_a_copy_of_pid_one_made_by_c_code_is_not_taken_for_it(tmp_path: Path) -> None:
    code = """
library = ctypes.CDLL(None)
child = library.fork()
if child == 0: library.exit(5)
os.waitpid(child, 0)
time.sleep(0.2)
assert not (folder / "ending.json").exists()
"""
    scene = _play_as_one(tmp_path / "a", code)

    assert scene.process.wait(30) == 0, scene.output()
    assert not (scene.folder / "trouble.txt").exists()


def test_children_of_pid_one_end_at_once(tmp_path: Path) -> None:
    code = """
if os.fork() == 0: sys.exit(5)
print(os.wait()[1] >> 8)
"""
    scene = _play_as_one(tmp_path / "a", code)

    assert scene.ending().status == COMPLETED
    assert scene.output() == "5\n"


def test_without_a_watchdog_pid_one_is_not_held(tmp_path: Path) -> None:
    code = "os.kill(int((folder / 'watching').read_text()), 9); time.sleep(0.1); sys.exit(3)"
    waiting = "while not (folder / 'watching').exists(): time.sleep(0.01)\n"
    scene = _play_as_one(tmp_path / "a", waiting + code)

    assert scene.process.wait(30) == 3


def test_a_command_that_hangs_does_not_hold_it_for_long() -> None:
    """The eight seconds are cut short: the rest is as in a container."""
    code = "from ledger.watchdog.awake import _run; _run(['sleep', '5'], 0.1)"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30, check=True)

    assert time.monotonic() - began < 4
