"""A server process by its clients: appends and runs over HTTP, its start and its memory."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

import psutil

from benchmarks.result import Result, median_seconds
from ledger.client import Client
from ledger.commands import StartRun, TagRun
from ledger.remote.client import RemoteClient
from runledger.wiring import connect, make_workspace

_ROOT = Path(__file__).resolve().parent.parent
_APPENDS = 400
_APPENDS_A_RUN = 20
_CALLERS = 8
_RUNS_EACH = 100
_STARTS = 3


def run() -> list[Result]:
    """One server on an embedded log, and the same appends without it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_workspace(place, log="sqlite")
        started = median([_start_seconds(place) for _ in range(_STARTS)])
        with server(place) as (process, url), closing(RemoteClient(url)) as client:
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
            with closing(connect(str(place))) as embedded:
                rounds = [(_append_seconds(client), _append_seconds(embedded)) for _ in range(3)]
            rate = median([_runs_a_second(url) for _ in range(3)])
    over_http, direct = (median(each) * 1e3 for each in zip(*rounds, strict=True))
    return [
        Result("tag over HTTP, one caller, p50", over_http, "ms", direct, "ms, embedded", "≤ 3 ms", over_http <= 3),
        Result(f"runs over HTTP, {_CALLERS} callers", rate, "runs/s", goal="≥ 400 runs/s", met=rate >= 400),
        Result("start of the server", started, "s", goal="≤ 2 s", met=started <= 2),
        Result("memory of an idle server", memory, "MiB", goal="≤ 150 MiB", met=memory <= 150),
    ]


@contextmanager
def server(place: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server process of a folder, and its URL."""
    arguments = [sys.executable, "-m", "runledger", "server", "--data", str(place), "--port", "0"]
    with subprocess.Popen(arguments, cwd=_ROOT, text=True, stdout=subprocess.PIPE) as process:
        try:
            yield process, (process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.terminate()


def _start_seconds(place: Path) -> float:
    began = perf_counter()
    with server(place):
        return perf_counter() - began


def _append_seconds(client: Client) -> float:
    """The median over runs of ordinary length: deciding reads the whole run first."""
    taken = []
    for _ in range(_APPENDS // _APPENDS_A_RUN):
        run_id, steps = f"b-{uuid4()}", iter(range(_APPENDS_A_RUN))
        client.execute(StartRun(run_id=run_id, experiment="bench"))
        tag = partial(_tag, client, run_id, steps)
        taken.append(median_seconds(tag, _APPENDS_A_RUN))
    return median(taken)


def _tag(client: Client, run_id: str, steps: Iterator[int]) -> None:
    client.execute(TagRun(run_id=run_id, tags={"step": str(next(steps))}))


def _runs_a_second(url: str) -> float:
    def work() -> None:
        with closing(RemoteClient(url)) as client:
            for _ in range(_RUNS_EACH):
                client.execute(StartRun(run_id=f"b-{uuid4()}", experiment="bench"))

    threads = [threading.Thread(target=work) for _ in range(_CALLERS)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _CALLERS * _RUNS_EACH / (perf_counter() - began)
