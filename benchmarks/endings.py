"""What it costs to be watched, and how soon an end is recorded."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from statistics import median

from benchmarks.http import server
from benchmarks.result import Result, percentile
from ledger.watchdog.folder import ENDING, EvidenceFolder
from ledger.workspace.folder import make_folder

_ROOT = Path(__file__).resolve().parent.parent
_TIMES = 20
_ENDS = 40
_ROUNDS = 7
_LOOP = 100
_ALONE_SECONDS = 2.0
_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 0.001

_WATCHED = """
import sys
from pathlib import Path
from subprocess import DEVNULL, Popen
from time import perf_counter, sleep
from ledger.watchdog.evidence import install
from ledger.watchdog.start import start
folder = Path(sys.argv[1])
began = perf_counter()
install(folder)
installed = perf_counter()
started = start(folder, ["true"])
after = perf_counter()
assert started.is_watching, started.problem
bare = Popen([sys.executable, "-I", "-S", "-E", "-c", ""], cwd="/", stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
floor = perf_counter() - after
bare.wait()
while not (folder / "watching").exists(): sleep(0.001)
print(installed - began, after - installed, floor, flush=True)
sleep(60)
"""
_TRAINING = """
import os, sys
from time import perf_counter
from runledger import Experiment, Workspace
experiment = Experiment(Workspace(sys.argv[1]), "e")
began = perf_counter()
run = experiment.start_logging(run_id=sys.argv[2], snapshot_directory=None)
print(perf_counter() - began, flush=True)
for number in range(100): run.log("loss", number)
sys.stdin.readline()
"""
_ENDINGS = {
    "normal end": ("", "Completed"),
    "sys.exit(3)": ("sys.exit(3)", "Failed"),
    "exception": ("1 / 0", "Failed"),
    "Ctrl-C": ("os.kill(os.getpid(), 2)", "Canceled"),
    "SIGTERM": ("os.kill(os.getpid(), 15)", "Failed"),
    "SIGKILL": ("os.kill(os.getpid(), 9)", "Failed"),
    "os._exit(1)": ("os._exit(1)", "Failed"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "Failed"),
}
_STATUSES = """SELECT json_extract(CAST(value AS TEXT), '$.status') FROM control_events
WHERE stream = (SELECT id FROM streams WHERE name = ?) AND type LIKE '%status-changed%' ORDER BY seq DESC LIMIT 1"""


def run() -> list[Result]:
    """In folders of its own."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        return [*_costs(place), _asleep(place), *_verdicts(place), *_recorded(place), _seen(place), *_loop(place)]


def _costs(place: Path) -> list[Result]:
    """What the watched process waits for, beside a bare start of an interpreter."""
    rows = []
    for number in range(_TIMES):
        process, figures = _watched(place / f"cost-{number}")
        rows.append([1e3 * figure for figure in figures])
        _kill(process)
    install, start, floor = (median(row[column] for row in rows) for column in range(3))
    return [
        Result("evidence installed in a process", install, "ms", goal="≤ 10 ms", met=install <= 10),
        Result("watchdog started", start, "ms", floor, "ms, bare Popen", "≤ 3 ms", start <= 3),
    ]


def _asleep(place: Path) -> Result:
    """The memory of a sleeping watchdog, and that it takes no processor time."""
    process, _ = _watched(place / "asleep")
    watchdog = int((place / "asleep" / "watching").read_text(encoding="ascii"))
    before = _ticks(watchdog)
    time.sleep(_ALONE_SECONDS)
    ticks = _ticks(watchdog) - before
    status = Path(f"/proc/{watchdog}/status").read_text(encoding="utf-8").splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
    _kill(process)
    name = f"watchdog asleep; {ticks} ticks of processor time in {_ALONE_SECONDS:.0f} s"
    return Result(name, resident, "MB", goal="≤ 15 MB", met=resident <= 15 and ticks == 0)


def _verdicts(place: Path) -> list[Result]:
    """From SIGKILL of a process until its verdict is there, one at a time."""
    taken, exact = [], 0
    for number in range(_ENDS):
        folder = place / f"end-{number}"
        process, _ = _watched(folder)
        began = time.perf_counter()
        _kill(process)
        _wait((folder / ENDING).exists)
        taken.append(1e3 * (time.perf_counter() - began))
        found = EvidenceFolder(folder).ending()
        exact += found is not None and found[0].signal == signal.SIGKILL.name
    worst = percentile(taken, 0.95)
    return [
        Result("verdict after SIGKILL, median", median(taken), "ms", goal="≤ 200 ms", met=median(taken) <= 200),
        Result("verdict after SIGKILL, 95 of 100", worst, "ms", goal="≤ 2,000 ms", met=worst <= 2000),
        Result("verdicts that are exact", exact, "processes", goal=f"{_ENDS} of {_ENDS}", met=exact == _ENDS),
    ]


def _recorded(place: Path) -> Iterator[Result]:
    """From the end of a training until another process reads its status in ledger.db, endings in turns."""
    taken: dict[tuple[str, str], list[float]] = {}
    with _workspace(place / "folder") as folder, _workspace(place / "served") as served, server(served) as (_, url):
        for number in range(_ROUNDS):
            for ending, (code, status) in _ENDINGS.items():
                for how, data, location in (("embedded", folder, str(folder)), ("HTTP", served, url)):
                    run_id = f"r{number}-{list(_ENDINGS).index(ending)}"
                    seconds = _until_recorded(data, location, run_id, code, status)
                    taken.setdefault((ending, how), []).append(seconds)
    for (ending, how), seconds_taken in taken.items():
        middle = 1e3 * median(seconds_taken)
        yield Result(f"{ending}: end to recorded, {how}", middle, "ms", goal="≤ 200 ms", met=middle <= 200)
    worst = max(max(each) for each in taken.values())
    yield Result("end to recorded, the slowest of all", 1e3 * worst, "ms", goal="≤ 2,000 ms", met=worst <= 2)


def _until_recorded(data: Path, location: str, run_id: str, code: str, status: str) -> float:
    process, _ = _training(location, run_id, code)
    process.communicate("\n")
    began = time.perf_counter()
    _wait(lambda: _status(data, run_id) == status)
    return time.perf_counter() - began


def _seen(place: Path) -> Result:
    """What `start_logging()` takes with a watchdog, and without, in turns."""
    pairs = []
    with _workspace(place / "seen") as folder:
        for number in range(_TIMES):
            pair = []
            for watched in ("1", "0"):
                process, seconds = _training(str(folder), f"s{number}-{watched}", "run.complete()", watched)
                process.communicate("\n")
                pair.append(1e3 * seconds)
            pairs.append(pair)
    cost = median(watched - alone for watched, alone in pairs)
    alone = median(pair[1] for pair in pairs)
    return Result(f"watchdog in start_logging(), beside {alone:.1f} ms", cost, "ms", goal="≤ 3 ms", met=cost <= 3)


def _loop(place: Path) -> list[Result]:
    """Runs that are started and killed one after the other."""
    right = 0
    with _workspace(place / "loop") as folder:
        for number in range(_LOOP):
            process, _ = _training(str(folder), f"k{number}", "os.kill(os.getpid(), 9)")
            process.communicate("\n")
        for number in range(_LOOP):
            right += _wait(lambda number=number: _status(folder, f"k{number}") == "Failed")  # type: ignore[misc]
        _wait(lambda: not _left(folder))
        left = len(_left(folder))
    name = f"{_LOOP} runs started and killed: right statuses"
    return [
        Result(name, right, "runs", goal=f"{_LOOP} of {_LOOP}", met=right == _LOOP),
        Result("processes and files left by them", left, "", goal="0", met=left == 0),
    ]


def _left(folder: Path) -> list[str]:
    """Files of journals and evidence, and processes that name the folder."""
    found = [str(path) for path in (folder / ".runledger" / "journals").rglob("*") if path.is_file()]
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes()
            if str(folder).encode() in line:
                found.append(line.decode(errors="replace"))
    return found


def _status(folder: Path, run_id: str) -> str | None:
    """The last status of a run in ledger.db, past every part of this program."""
    with closing(sqlite3.connect(f"file:{folder / '.runledger' / 'ledger.db'}?mode=ro", uri=True)) as connection:
        row = connection.execute(_STATUSES, (f"run:{run_id}",)).fetchone()
    return row[0] if row else None


@contextmanager
def _workspace(path: Path) -> Iterator[Path]:
    make_folder(path, log="sqlite")
    yield path


def _wait(condition: Callable[[], object]) -> bool:
    deadline = time.perf_counter() + _WAIT_SECONDS
    while not condition():
        if time.perf_counter() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _training(location: str, run_id: str, code: str, watched: str = "1") -> "tuple[subprocess.Popen[str], float]":
    """A script that has logged and waits for a line, then ends; and how long `start_logging()` took, in seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", _TRAINING + code, location, run_id],
        cwd=_ROOT,
        env=os.environ | {"RUNLEDGER_WATCHDOG": watched},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    line = process.stdout.readline() if process.stdout else ""
    return process, float(line)


def _watched(folder: Path) -> "tuple[subprocess.Popen[str], Sequence[float]]":
    """A watched process that sleeps, and what it measured."""
    command = [sys.executable, "-c", _WATCHED, str(folder)]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    return process, [float(word) for word in line.split()]


def _kill(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def _ticks(pid: int) -> int:
    """Processor time in clock ticks, user and system (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
