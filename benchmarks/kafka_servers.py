"""Several processes on one pair of topics: what two write more than one, how often they collide, values over HTTP."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from uuid import uuid4

from benchmarks.http import server
from benchmarks.result import Result
from benchmarks.tracking import POINTS, delivery_rates
from examples.kafka_broker import KafkaBroker
from runledger.wiring import make_workspace

_ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 5.0
_CALLERS = 64
_ROUNDS = 3
_RUNS = 2_000
_CONTENTION = (2_000, 20, 3)
_CONTENDERS = 3

NOTES = """
Each process has the log in it, as a server has, and a replica of its own, into which it reads what the others write as
well. An append that lost the race for its run to another process is void in the log and refused with a conflict; one
that lost it to a caller of the same process is refused before it is sent. Callers draw runs at random and do not wait
for one another, which no real writer does: one writer a run has no conflicts at all.
"""


def run() -> list[Result]:
    """On a fresh one-node broker."""
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        return measure(broker.address, Path(folder))


def measure(servers: str, folder: Path) -> list[Result]:
    """All three, on topics of their own."""
    return [
        _two_beside_one(servers, folder),
        *(result for runs in _CONTENTION for result in _conflicts(servers, folder, runs)),
        _values(servers, folder),
    ]


def _two_beside_one(servers: str, folder: Path) -> Result:
    one, two = [], []
    for _ in range(_ROUNDS):
        one.append(_accepted(_write(servers, folder, ["a"], _RUNS)))
        two.append(_accepted(_write(servers, folder, ["a", "b"], _RUNS)))
    return Result("appends by two processes", median(two), "appends/s", median(one), "appends/s by one")


def _conflicts(servers: str, folder: Path, runs: int) -> list[Result]:
    told = _write(servers, folder, [""] * _CONTENDERS, runs)
    lost, accepted = (sum(each[name] for each in told) for name in ("lost", "accepted"))
    void = max(each["void"] for each in told)
    name = f"{_CONTENDERS} processes with {_CALLERS} callers each on {runs:,} runs"
    return [
        Result(f"{name}: accepted", accepted / _SECONDS, "appends/s"),
        Result(f"{name}: refused, by the log or before", 100 * lost / (lost + accepted), "% of the appends"),
        Result(f"{name}: void", 100 * void / (void + accepted), "% of the records"),
    ]


def _accepted(told: Sequence[dict[str, int]]) -> float:
    return sum(each["accepted"] for each in told) / _SECONDS


def _write(servers: str, folder: Path, prefixes: Sequence[str], runs: int) -> list[dict[str, int]]:
    """Processes that begin at once on a new ledger, each on runs of its prefix."""
    address = f"kafka://{servers}/w{uuid4().hex[:10]}"
    processes = [_start(address, folder, prefix, runs) for prefix in prefixes]
    try:
        for process in processes:
            _line(process)
        for process in processes:
            print(file=process.stdin, flush=True)
        return [json.loads(_line(process)) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _start(address: str, folder: Path, prefix: str, runs: int) -> "subprocess.Popen[str]":
    replica = folder / f"{uuid4().hex}.db"
    arguments = [address, str(replica), str(_CALLERS), str(runs), prefix, str(_SECONDS)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kafka_writer", *arguments],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(process: "subprocess.Popen[str]") -> str:
    return process.stdout.readline() if process.stdout else ""


def _values(servers: str, folder: Path) -> Result:
    place = folder / "server"
    make_workspace(place, log=f"kafka://{servers}/v{uuid4().hex[:10]}")
    with server(place) as (_, url):
        rate = median(delivery_rates(url))
    return Result(f"{POINTS:,} values by log() over HTTP into Kafka", rate, "points/s")
