"""What a training script pays for `log()`, what survives its death, and how fast values reach the ledger."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns

from benchmarks.http import server
from benchmarks.result import Result
from examples.kafka_broker import KafkaBroker
from ledger.metrics import SeriesQuery
from ledger.tracking.settling import settle
from runledger import Experiment, Workspace
from runledger.tracking import deliver_left_behind
from runledger.wiring import connect, make_workspace

_ROOT = Path(__file__).resolve().parent.parent
_CALLS = 20_000
_PROCESSES, _EACH = 20, 10_000
POINTS = 200_000
_KILLED, _LOGGED = 5, 500

_WORKER = """
import sys
from runledger import Experiment, Run, Workspace
run = Run(Experiment(Workspace(sys.argv[1]), "bench"), sys.argv[2])
run.log("ready", 0)
print("ready", flush=True)
sys.stdin.readline()
for step in range(int(sys.argv[3])):
    run.log(sys.argv[4], int(sys.argv[5]) + step, step=step)
print("done", flush=True)
if len(sys.argv) > 6:
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run() -> list[Result]:
    """In a workspace of its own: the call, many processes, killed ones; then by each way to the ledger."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_workspace(place, log="sqlite")
        peer = _mlflow(folder)
        results = [_call(place), _many_processes(place), _survivors(place), _values("embedded", str(place), peer)]
        with server(place) as (_, url):
            results.append(_values("HTTP", url, peer))
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        make_workspace(Path(folder) / "w", log=f"kafka://{broker.address}/bench")
        results.append(_values("Kafka", str(Path(folder) / "w"), peer))
    return [*results, _import_time()]


@contextmanager
def _experiment(location: str) -> Iterator[Experiment]:
    workspace = Workspace(location)
    try:
        yield Experiment(workspace, "bench")
    finally:
        settle(workspace.tracker)


def _call(place: Path) -> Result:
    """Medians of one call, and of a bare write of as many bytes to the same disk."""
    with _experiment(str(place)) as experiment, tempfile.TemporaryDirectory() as folder:
        descriptor = os.open(Path(folder) / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        line = b"x" * 80 + b"\n"
        tracked = experiment.start_logging(snapshot_directory=None)
        ours, floor = [], []
        for step in range(_CALLS):
            began = perf_counter_ns()
            tracked.log("loss", step * 0.5, step=step)
            between = perf_counter_ns()
            os.write(descriptor, line)
            floor.append(perf_counter_ns() - between)
            ours.append(between - began)
        os.close(descriptor)
    figure = median(ours) / 1e3
    return Result("log(), median", figure, "µs", median(floor) / 1e3, "µs, os.write", "≤ 5 µs", figure <= 5)


def _many_processes(place: Path) -> Result:
    """Wall time of all calls to one metric of one run; all must be there, each writer's in order (parity H10)."""
    with _experiment(str(place)) as experiment:
        tracked = experiment.start_logging(snapshot_directory=None)
        workers = [_worker(place, tracked.id, _EACH, "progress", first * _EACH) for first in range(_PROCESSES)]
        for worker in workers:
            _line(worker)
        began = perf_counter()
        for worker in workers:
            _tell(worker)
        for worker in workers:
            _line(worker)
        seconds = perf_counter() - began
        for worker in workers:
            worker.communicate()
        with closing(connect(str(place))) as client:
            deliver_left_behind(str(place), client)
        values = experiment.workspace.get_run(tracked.id).get_metrics("progress")["progress"]
    total = _PROCESSES * _EACH
    whole = sorted(values) == list(range(total)) and _in_order(values)
    name = (
        f"{_PROCESSES} processes log {_EACH:,} points each to one metric; {len(values):,} of {total:,} there, in order"
    )
    return Result(name, total / seconds, "points/s", met=whole)


def _in_order(values: list[int]) -> bool:
    last = dict.fromkeys(range(_PROCESSES), -1)
    for value in values:
        if value < last[value // _EACH]:
            return False
        last[value // _EACH] = value
    return True


def _survivors(place: Path) -> Result:
    """Points that are there after SIGKILL and the next contact."""
    there = 0
    for _ in range(_KILLED):
        with _experiment(str(place)) as experiment:
            tracked = experiment.start_logging(snapshot_directory=None)
            worker = _worker(place, tracked.id, _LOGGED, "loss", 0, "kill")
            _line(worker)
            _tell(worker)
            worker.communicate()
            assert worker.returncode == -signal.SIGKILL  # noqa: S101 - or nothing was measured
            with closing(connect(str(place))) as client:
                deliver_left_behind(str(place), client)
                (series,) = client.series(SeriesQuery(run_id=tracked.id, name="loss"))
                there += len(series.times)
    total = _KILLED * _LOGGED
    return Result("points there after SIGKILL", there, "points", goal=f"{total:,} of {total:,}", met=there == total)


def delivery_rates(location: str) -> list[float]:
    """Points a second from the first `log()` until `flush()` returns, three times."""
    rates = []
    with _experiment(location) as experiment:
        for _ in range(3):
            tracked = experiment.start_logging(snapshot_directory=None)
            began = perf_counter()
            for step in range(POINTS):
                tracked.log("loss", step * 0.5, step=step)
            tracked.flush()
            rates.append(POINTS / (perf_counter() - began))
            tracked.complete()
    return rates


def _values(way: str, location: str, peer: float | None) -> Result:
    rate = median(delivery_rates(location))
    name, goal = f"values delivered, {way}", "≥ 40,000 points/s"
    return Result(name, rate, "points/s", peer, "points/s, MLflow's log_batch", goal, rate >= 40_000)


def _mlflow(folder: str) -> float | None:
    """Points a second of MLflow; None where it cannot be had."""
    python = mlflow_python()
    if python is None:
        return None
    script = _ROOT / "benchmarks" / "mlflow_peer.py"
    try:
        done = subprocess.run([python, "-P", script, folder], check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout.split()[-1])
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"MLflow is not compared with: {error}", file=sys.stderr)
        return None


def mlflow_python() -> Path | None:
    """The Python of an environment that has MLflow, which is made once; None where that cannot be made."""
    environment = _ROOT / "build" / "mlflow"
    python = environment / "bin" / "python"
    try:
        if not (environment / "bin" / "mlflow").exists():
            print("installing MLflow, to compare with (some 800 MB) ...", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", environment], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", "mlflow"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"MLflow is not compared with: {error}", file=sys.stderr)
        return None
    return python


def _import_time() -> Result:
    code = "from time import perf_counter as t; b = t(); from runledger import *; print(t() - b)"
    command = [sys.executable, "-c", code]
    taken = [float(subprocess.check_output(command, cwd=_ROOT, text=True)) * 1e3 for _ in range(7)]
    figure = median(taken)
    return Result("import of runledger's names", figure, "ms", goal="≤ 60 ms", met=figure <= 60)


def _worker(place: Path, run_id: str, count: int, name: str, first: int, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _WORKER, str(place), run_id, str(count), name, str(first), *more]
    return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _line(worker: "subprocess.Popen[str]") -> None:
    if worker.stdout is None or not worker.stdout.readline():
        raise RuntimeError("a worker ended early")


def _tell(worker: "subprocess.Popen[str]") -> None:
    if worker.stdin is not None:
        worker.stdin.write("go\n")
        worker.stdin.flush()
