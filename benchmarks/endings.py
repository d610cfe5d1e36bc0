"""What it costs to be watched, and how soon an end is known."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.result import Result, percentile
from ledger.watchdog.folder import ENDING, EvidenceFolder

_ROOT = Path(__file__).resolve().parent.parent
_TIMES = 20
_ENDS = 40
_ALONE_SECONDS = 2.0
_WAIT_SECONDS = 30.0

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


def run() -> list[Result]:
    """In folders of its own."""
    with tempfile.TemporaryDirectory() as place:
        return [*_costs(Path(place)), _asleep(Path(place)), *_ends(Path(place))]


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


def _ends(place: Path) -> list[Result]:
    """From SIGKILL of a process until its verdict is there, one at a time."""
    taken, exact = [], 0
    for number in range(_ENDS):
        folder = place / f"end-{number}"
        process, _ = _watched(folder)
        began = time.perf_counter()
        _kill(process)
        while not (folder / ENDING).exists() and time.perf_counter() - began < _WAIT_SECONDS:
            time.sleep(0.001)
        taken.append(1e3 * (time.perf_counter() - began))
        found = EvidenceFolder(folder).ending()
        exact += found is not None and found[0].signal == signal.SIGKILL.name
    worst = percentile(taken, 0.95)
    return [
        Result("verdict after SIGKILL, median", median(taken), "ms", goal="≤ 200 ms", met=median(taken) <= 200),
        Result("verdict after SIGKILL, 95 of 100", worst, "ms", goal="≤ 2,000 ms", met=worst <= 2000),
        Result("verdicts that are exact", exact, "processes", goal=f"{_ENDS} of {_ENDS}", met=exact == _ENDS),
    ]


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
