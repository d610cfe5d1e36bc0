"""From a change to the bytes at 500 clients that follow, beside a bare server; and 500 runs tagged by one request."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from json import loads
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import psutil

from benchmarks.http import server
from benchmarks.result import Result
from ledger.client import Client
from ledger.commands import StartRun, TagRun
from ledger.remote.client import RemoteClient
from runledger.wiring import connect, make_workspace

_ROOT = Path(__file__).resolve().parent.parent
_CLIENTS = 500
_A_SECOND = 10
_SECONDS = 10
_TAGGED = 500
_ROUNDS = 3
_TARGET_MS = 250


@dataclass(frozen=True, slots=True)
class _Heard:
    """Milliseconds of each event at each client, CPU as a part of a core, and bytes a client."""

    taken: Sequence[float]
    cpu: float
    memory: float

    def share(self, hundredths: int) -> float:
        return quantiles(self.taken, n=100)[hundredths - 1]


def run() -> list[Result]:
    """One server on an embedded log, by turns with a bare one that knows nothing of logs."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_workspace(place, log="sqlite")
        with server(place) as (process, url), closing(RemoteClient(url)) as client:
            tagged = median([_tagged(client) for _ in range(_ROUNDS)])
            heard = _heard(process, url, _starting(client))
            with closing(connect(str(place))) as beside:
                besides = _heard(process, url, _starting(beside))
        with _bare() as (process, url):
            floor = _heard(process, url, _telling(process))
    everything = 2 * _CLIENTS * _A_SECOND * _SECONDS
    came = len(heard.taken) + len(besides.taken)
    return [
        *_results(f"change to {_CLIENTS} clients, {_A_SECOND} changes/s", heard, floor),
        *_results("the same, by another process in the folder", besides, floor),
        Result("events that came", came, "", goal=f"{everything:,}", met=came == everything),
        Result("CPU of the server meanwhile", heard.cpu, "cores", floor.cpu, "cores, bare"),
        Result("memory a client", heard.memory / 1024, "KiB"),
        Result(f"{_TAGGED} runs tagged by one request", tagged, "s", goal="≤ 1 s", met=tagged <= 1),
    ]


def _results(name: str, heard: _Heard, floor: _Heard) -> list[Result]:
    middle, late, last = (heard.share(each) for each in (50, 95, 99))
    bare = "ms, bare"
    return [
        Result(f"{name}, p50", middle, "ms", floor.share(50), bare),
        Result(f"{name}, p95", late, "ms", floor.share(95), bare, f"≤ {_TARGET_MS} ms", late <= _TARGET_MS),
        Result(f"{name}, p99", last, "ms", floor.share(99), bare),
    ]


def _starting(client: Client) -> Callable[[str], object]:
    return lambda run_id: client.execute(StartRun(run_id=run_id, experiment="bench"))


def _telling(process: "subprocess.Popen[str]") -> Callable[[str], object]:
    def tell(run_id: str) -> None:
        if process.stdin is not None:
            process.stdin.write(f"{run_id}\n")
            process.stdin.flush()

    return tell


@contextmanager
def _bare() -> Iterator[tuple["subprocess.Popen[str]", str]]:
    arguments = [sys.executable, "-m", "benchmarks.fanout"]
    with subprocess.Popen(arguments, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process, process.stdout.readline().strip() if process.stdout else ""


def _tagged(client: Client) -> float:
    runs = [f"b-{uuid4()}" for _ in range(_TAGGED)]
    client.execute_all([StartRun(run_id=each, experiment="bench") for each in runs])
    tags = [TagRun(run_id=each, tags={"quality": "good"}) for each in runs]
    began = time.perf_counter()
    client.execute_all(tags)
    return time.perf_counter() - began


def _heard(process: "subprocess.Popen[str]", url: str, change: Callable[[str], object]) -> _Heard:
    served = psutil.Process(process.pid)
    before = served.memory_info().rss
    with _followers(url) as told:
        memory = (served.memory_info().rss - before) / _CLIENTS
        used, began = sum(served.cpu_times()[:2]), time.perf_counter()
        for number in range(_A_SECOND * _SECONDS):
            time.sleep(max(0.0, began + number / _A_SECOND - time.perf_counter()))
            change(f"at-{time.monotonic_ns()}")
        time.sleep(1)
        cpu = (sum(served.cpu_times()[:2]) - used) / (time.perf_counter() - began)
        return _Heard(told(), cpu, memory)


@contextmanager
def _followers(url: str) -> Iterator[Callable[[], list[float]]]:
    host, port = url.removeprefix("http://").split(":")
    arguments = [sys.executable, "-m", "benchmarks.followers", host, port, str(_CLIENTS)]
    with subprocess.Popen(arguments, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError("the clients did not begin to follow")
        yield lambda: list(loads(process.communicate()[0]))
