"""Training scripts that end in every way there is, and what must be recorded of each."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from re import sub

from ledger.watchdog import proc
from tests.ledger.watchdog.scenes import unshare

POINTS = 200
WORKER_POINTS = 50

BEGIN = """
import multiprocessing, os, signal, subprocess, sys, threading, time
from pathlib import Path
from runledger import Experiment, Workspace
PLACE, NAME, FOLDER = os.environ["PLACE"], os.environ["NAME"], Path(os.environ["FOLDER"])

def start(**more):
    return Experiment(Workspace(PLACE), "endings").start_logging(run_id=NAME, snapshot_directory=None, **more)

def ready():
    (FOLDER / f"{NAME}.pid").write_text(str(os.getpid()))
    (FOLDER / f"{NAME}.ready").touch()
    while not (FOLDER / "go").exists(): time.sleep(0.02)

def work(run, name):
    for number in range(50): run.log(name, number)
"""
START = """
run = start()
for number in range(200): run.log("loss", number)
"""
READY = "ready()\n"
_SLEEP = "time.sleep(60)"

_SPAWNED = """
from runledger import Run

def spawned(name):
    work(Run(Experiment(Workspace(PLACE), "endings"), NAME), name)
    if name == "w1": os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    run = start()
    for number in range(200): run.log("loss", number)
    context = multiprocessing.get_context("{method}")
    workers = [context.Process(target=spawned, args=(f"w{{number}}",)) for number in range(2)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    ready()
    sys.exit(3)
"""
# As PyTorch's: forked, fed by a queue, looking now and then whether their parent lives.
_LOADER = """
def loader(name, wishes, parent, dies):
    work(run, name)
    done.put(name)
    while os.getppid() == parent:
        if dies or not wishes.empty(): os._exit(wishes.get() if not dies else 0)
        time.sleep(0.05)
    time.sleep(0.5)
    run.log("orphaned", 1)
    os._exit(0)
context = multiprocessing.get_context("fork")
done, wishes = context.Queue(), context.Queue()
def load(dies=False):
    workers = [context.Process(target=loader, args=(f"w{n}", wishes, os.getpid(), dies), daemon=True) for n in range(2)]
    for worker in workers: worker.start()
    for _ in workers: done.get()
    return workers
"""
_PYTEST = f"""
{BEGIN}
def test_training():
    run = start()
    for number in range(200): run.log("loss", number)
    ready()
    assert False
"""


@dataclass(frozen=True)
class Case:
    """A script that does something `first`, begins its run and logs, does something `before` it is ready, then ends.

    It ends by `code`; or it is a `whole` script.

    `act` is done to its process from outside, once it is ready.
    """

    code: str
    status: str
    reason: str
    error: str = ""
    trace: str = ""
    points: Mapping[str, int] = field(default_factory=dict)
    first: str = ""
    before: str = ""
    whole: str | None = None
    by: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    act: Callable[["Script"], object] | None = None
    certainty: str = "exact"


@dataclass
class Script:
    """A case that is being played."""

    run_id: str
    case: Case
    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def output(self) -> str:
        return (self.folder / f"{self.run_id}.output").read_text()

    @property
    def is_ready(self) -> bool:
        assert self.process.poll() is None or self.case.act, self.output
        return (self.folder / f"{self.run_id}.ready").exists()

    @property
    def pid(self) -> int:
        return int((self.folder / f"{self.run_id}.pid").read_text())

    def kill(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill_starter(self) -> None:
        self.process.kill()

    def kill_group(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)

    @property
    def has_ended(self) -> bool:
        if self.process.poll() is None:
            return False
        if self.case.by and self.run_id != "container":
            found = proc.stat(self.pid)
            return found is None or found[0] == "Z"
        return True


def _end(reason: str = "the script came to its end", **more: object) -> Case:
    return Case("", "Completed", reason, **more)  # type: ignore[arg-type]


def _sent(number: int) -> Callable[[Script], None]:
    return lambda script: script.kill(number)


_W = {"w0": WORKER_POINTS, "w1": WORKER_POINTS}
_SHELL = ("bash", "-c", '"$@" & wait', "bash")

CASES = {
    "normal end": _end(),
    "completed before": Case("run.complete(); sys.exit(4)", "Completed", ""),
    "sys.exit(0)": Case("sys.exit(0)", "Completed", "the script came to its end"),
    "sys.exit(3)": Case("sys.exit(3)", "Failed", "exit code 3", "exit code 3"),
    "raise SystemExit(3)": Case("raise SystemExit(3)", "Failed", "exit code 3", "exit code 3"),
    "caught SystemExit": Case("try: sys.exit(3)\nexcept SystemExit: pass", "Completed", "the script came to its end"),
    "exception": Case(
        "def train(): {}['missing key']\ntrain()",
        "Failed",
        "KeyError was not caught",
        "KeyError: 'missing key'",
        "in train",
    ),
    "Ctrl-C": Case(_SLEEP, "Canceled", "interrupted", act=_sent(signal.SIGINT)),
    "SIGTERM": Case(_SLEEP, "Failed", "SIGTERM", "SIGTERM", "in ready", act=_sent(15)),
    "SIGKILL": Case(_SLEEP, "Failed", "SIGKILL", "SIGKILL", act=_sent(signal.SIGKILL)),
    "os._exit(1)": Case("os._exit(1)", "Failed", "exit code 1", "os._exit"),
    "segmentation fault": Case(
        "import ctypes\ndef inner(): ctypes.string_at(0)\ninner()",
        "Failed",
        "SIGSEGV",
        "segmentation fault",
        "in inner",
    ),
    "parent shell killed": Case(
        "time.sleep(0.3); run.log('late', 1)",
        "Completed",
        "the script came to its end",
        points={"late": 1},
        by=_SHELL,
        act=Script.kill_starter,
    ),
    "process group killed": Case(
        _SLEEP, "Failed", "SIGKILL", points=_W, before=f"os.setpgid(0, 0)\n{_LOADER}load()\n", act=Script.kill_group
    ),
    "container": _end(by=unshare("--mount-proc"), certainty="the exit code that the C library noted"),
    "forked workers": Case(
        "sys.exit(3)",
        "Failed",
        "exit code 3",
        points=_W,
        before="workers = [multiprocessing.get_context('fork').Process(target=work, args=(run, f'w{n}'))"
        " for n in range(2)]\n[w.start() for w in workers]; [w.join() for w in workers]\n",
    ),
    "worker killed, run completed": Case(
        "run.complete()",
        "Completed",
        "",
        points={"w0": WORKER_POINTS},
        before="def die():\n    work(run, 'w0'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "w = multiprocessing.get_context('fork').Process(target=die); w.start(); w.join()\n",
    ),
    "spawned workers": Case("", "Failed", "exit code 3", points=_W, whole=BEGIN + _SPAWNED.format(method="spawn")),
    "forkserver workers": Case(
        "", "Failed", "exit code 3", points=_W, whole=BEGIN + _SPAWNED.format(method="forkserver")
    ),
    "loader workers that leave by os._exit": _end(
        points=_W, before=f"{_LOADER}workers = load()\nfor w in workers: wishes.put(5)\nfor w in workers: w.join()\n"
    ),
    "loader workers that are terminated at the end": _end(points=_W, before=f"{_LOADER}load()\n"),
    "loader workers that are killed one by one": _end(
        points=_W, before=f"{_LOADER}for worker in load(): worker.kill(); worker.join()\n"
    ),
    "loader workers that outlive their parent": Case(
        "os.kill(os.getpid(), signal.SIGKILL)",
        "Failed",
        "SIGKILL",
        points=_W | {"orphaned": 2},
        before=f"{_LOADER}load()\n",
    ),
    "thread raises": Case(
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", "Completed", "the script came to its end"
    ),
    "thread still running": Case(
        "def late():\n    time.sleep(0.3); work(run, 'late')\nthreading.Thread(target=late).start()",
        "Completed",
        "the script came to its end",
        points={"late": WORKER_POINTS},
    ),
    "daemon thread still running": Case(
        "logged = threading.Event()\n"
        "def forever():\n    work(run, 'late'); logged.set(); time.sleep(60)\n"
        "threading.Thread(target=forever, daemon=True).start(); logged.wait()",
        "Completed",
        "the script came to its end",
        points={"late": WORKER_POINTS},
    ),
    # Code 1 leaves the exception for debuggers to find.
    "pytest": Case(
        "",
        "Failed",
        "AssertionError was not caught",
        whole=_PYTEST,
        how=("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", os.devnull),
    ),
}


def run_id_of(name: str) -> str:
    """The name of a case as that of a run."""
    return sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")


def text_of(case: Case) -> str:
    """The whole script."""
    return case.whole or f"{BEGIN}{case.first}{START}{case.before}{READY}{case.code}\n"
