"""The watchdog of a script whose runs have all ended has nothing to do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ledger.journal.locks import release, take
from ledger.tracking.watching import PROCESSES, abandoned, verdict_of
from ledger.watchdog.folder import TROUBLE
from ledger.watchdog.program import WATCHING

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import sys
from runledger import Experiment, Workspace
experiment = Experiment(Workspace(sys.argv[1]), "e")
for number in range(2):
    with experiment.start_logging(snapshot_directory=None) as run:
        run.log("loss", number)
print(len(list(experiment.get_runs())))
"""


def test_it_runs_no_command_and_leaves_no_file(folder: Path) -> None:
    began: set[str] = set()
    script = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    out, _ = script.communicate(timeout=60)
    assert out == "2\n"
    processes = folder / ".runledger" / "journals" / "processes"
    deadline = time.monotonic() + 20
    while processes.exists():
        assert time.monotonic() < deadline, list(processes.rglob("*"))
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            # The watchdog itself has the command among its arguments.
            if words[1:2] == ["-c"] and "runledger.aftermath" in words[2] and str(folder) in words:
                began.add(" ".join(words))
        time.sleep(0.01)
    assert began == set()


def test_evidence_that_is_just_being_made_is_nobodys_only_after_a_day(tmp_path: Path) -> None:
    """Its process has not said yet whose it is."""
    made = tmp_path / PROCESSES / "p"
    made.mkdir(parents=True)
    (made / "exit_code").touch()

    assert list(abandoned(tmp_path)) == []
    os.utime(made, (time.time() - 90_000,) * 2)
    assert list(abandoned(tmp_path)) == [str(made)]


def test_while_the_watchdogs_lock_is_held_the_verdict_is_left_to_it(tmp_path: Path) -> None:
    lock = take(tmp_path / WATCHING)
    assert lock is not None

    assert verdict_of(str(tmp_path)) is None
    (tmp_path / TROUBLE).touch()
    assert verdict_of(str(tmp_path)) is not None
    (tmp_path / TROUBLE).unlink()
    release(lock)
    assert verdict_of(str(tmp_path)) is not None
