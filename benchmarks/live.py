"""From a change to the bytes at 500 clients that follow; and 500 runs tagged by one request."""

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
    """One server on an embedded log."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_workspace(place, log="sqlite")
        with server(place) as (process, url), closing(RemoteClient(url)) as client:
            tagged = median([_tagged(client) for _ in range(_ROUNDS)])
            with closing(connect(str(place))) as beside:
                heard = _heard(process, url, client)
                besides = _heard(process, url, beside)
    all_there = len(heard.taken) == len(besides.taken) == _CLIENTS * _A_SECOND * _SECONDS
    name = f"change to {_CLIENTS} clients, {_A_SECOND} changes/s"
    return [
        Result(f"{name}, p50", heard.share(50), "ms"),
        Result(f"{name}, p95", heard.share(95), "ms", goal="≤ 250 ms", met=heard.share(95) <= _TARGET_MS),
        Result(f"{name}, p99", heard.share(99), "ms"),
        Result(
            f"{name}, by another process in the folder, p95",
            besides.share(95),
            "ms",
            goal="≤ 250 ms",
            met=besides.share(95) <= _TARGET_MS,
        ),
        Result("events that came, of 100,000", len(heard.taken) + len(besides.taken), "", goal="all", met=all_there),
        Result("CPU of the server meanwhile", heard.cpu, "cores"),
        Result("memory a client", heard.memory / 1024, "KiB"),
        Result(f"{_TAGGED} runs tagged by one request", tagged, "s", goal="≤ 1 s", met=tagged <= 1),
    ]


def _tagged(client: Client) -> float:
    runs = [f"b-{uuid4()}" for _ in range(_TAGGED)]
    client.execute_all([StartRun(run_id=each, experiment="bench") for each in runs])
    tags = [TagRun(run_id=each, tags={"quality": "good"}) for each in runs]
    began = time.perf_counter()
    client.execute_all(tags)
    return time.perf_counter() - began


def _heard(process: "subprocess.Popen[str]", url: str, client: Client) -> _Heard:
    served = psutil.Process(process.pid)
    before = served.memory_info().rss
    with _followers(url) as told:
        memory = (served.memory_info().rss - before) / _CLIENTS
        used, began = sum(served.cpu_times()[:2]), time.perf_counter()
        for number in range(_A_SECOND * _SECONDS):
            time.sleep(max(0.0, began + number / _A_SECOND - time.perf_counter()))
            client.execute(StartRun(run_id=f"at-{time.monotonic_ns()}", experiment="bench"))
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
