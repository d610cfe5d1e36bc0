"""What users of the original waited for: a start, rows of a notebook, results of children, a list."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

from benchmarks.events import now
from benchmarks.http import server
from benchmarks.projection import append_run
from benchmarks.result import Result, median_seconds
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from ledger.tracking.settling import settle
from runledger import Experiment, Run, Workspace
from runledger.locating import folder_of
from runledger.wiring import make_workspace

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parent.parent
_STARTS, _ROUNDS = 15, 3
_STEPS, _COLUMNS, _METRICS = 1_000, 15, ("Accuracy", "Precision", "Recall")
_CHILDREN, _BATCH = 300, 100
_RUNS = 100_000


def run() -> list[Result]:
    """On a folder and on a URL of the same workspace; then a list among many runs."""
    with tempfile.TemporaryDirectory() as folder:
        make_workspace(Path(folder), log="sqlite")
        with server(Path(folder)) as (_, url):
            results = [each for way, place in (("embedded", folder), ("HTTP", url)) for each in _scripts(way, place)]
    return [*results, *_lists()]


@contextmanager
def _experiment(location: str) -> Iterator[Experiment]:
    workspace = Workspace(location)
    try:
        yield Experiment(workspace, "bench")
    finally:
        settle(workspace.tracker)


def _scripts(way: str, location: str) -> list[Result]:
    with _experiment(location) as experiment:
        started = median_seconds(lambda: experiment.start_logging(snapshot_directory=_ROOT), _STARTS) * 1e3
        bare = median_seconds(lambda: experiment.start_logging(snapshot_directory=None), _STARTS) * 1e3
        calls, rows = (median(each) for each in zip(*(_rows(experiment) for _ in range(_ROUNDS)), strict=True))
        parent = experiment.start_logging(snapshot_directory=None)
        batch = median_seconds(lambda: parent.create_children(count=_BATCH), _ROUNDS) * 1e3
        together, each = _results_together(experiment), _results_one_by_one(experiment)
    call = calls / (_STEPS * len(_METRICS)) * 1e6
    return [
        Result(
            f"start_logging() to Running, {way}", started, "ms", bare, "ms, without git", "≤ 100 ms", started <= 100
        ),
        Result(f"one log_row() of {_COLUMNS} columns, {way}", call, "µs", _spelled(), "µs, json.dumps of it"),
        Result(f"1,000 x 3 log_row() to the ledger, {way}", rows, "s", goal="≤ 1 s", met=rows <= 1),
        Result(f"create_children({_BATCH}), {way}", batch, "ms", goal="≤ 500 ms", met=batch <= 500),
        Result(
            f"results of {_CHILDREN} children, {way}", together, "s", each, "s, one by one", "≤ 0.5 s", together <= 0.5
        ),
    ]


def _rows(experiment: Experiment) -> tuple[float, float]:
    """Seconds of all calls, and until they are in the ledger (cell 27 of the logging notebook)."""
    tracked = experiment.start_logging(snapshot_directory=None)
    began = perf_counter()
    for step in range(_STEPS):
        for name in _METRICS:
            tracked.log_row(name, "of each class", **_row(step))
    called = perf_counter()
    tracked.flush()
    return called - began, perf_counter() - began


def _spelled() -> float:
    """Microseconds for which the same row is made and becomes JSON."""
    return median_seconds(lambda: json.dumps(_row(500)), _STEPS) * 1e6


def _row(step: int) -> dict[str, Any]:
    return {f"class {number}": (step + number) / _STEPS for number in range(_COLUMNS)}


def _results_together(experiment: Experiment) -> float:
    """Seconds for all that children have logged, by one call of the parent's handle."""
    parent = _family(experiment)
    with closing(Workspace(experiment.workspace.location)) as other:
        taken, found = _timed(lambda: other.get_run(parent.id).get_metrics(recursive=True))
    assert len(found) == _CHILDREN  # noqa: S101 - or something else was measured
    return taken


def _results_one_by_one(experiment: Experiment) -> float:
    """The same by each child's handle, as scripts of the original do."""
    parent = _family(experiment)
    with closing(Workspace(experiment.workspace.location)) as other:
        taken, found = _timed(lambda: [child.get_metrics() for child in other.get_run(parent.id).get_children()])
    assert len(found) == _CHILDREN  # noqa: S101
    return taken


def _family(experiment: Experiment) -> Run:
    parent = experiment.start_logging(snapshot_directory=None)
    children = [child for _ in range(_CHILDREN // _BATCH) for child in parent.create_children(count=_BATCH)]
    for child in children:
        for step in range(10):
            child.log("loss", 1 / (step + 1), step=step)
            child.log("accuracy", step / 10, step=step)
        child.complete()
    parent.complete()
    return parent


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = perf_counter()
    found = work()
    return perf_counter() - began, found


def _lists() -> list[Result]:
    """The command as it is typed, and the questions of the SDK, among many runs."""
    with tempfile.TemporaryDirectory() as folder:
        make_workspace(Path(folder), log="sqlite")
        with closing(Database(folder_of(folder).ledger_db, durable=False)) as database:
            log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
            for number in range(_RUNS):
                append_run(log, number)
        commands = {
            "run list": [],
            "run list by tag, property and status": [
                *("--tags", "team=t3", "--properties", "author=a7", "--status", "Completed"),
            ],
            "run list by --query": ["--query", "[?properties.author=='a7' && tags.team=='t3'].run_id"],
        }
        _command(folder, [])  # the view is filled once
        found = []
        for name, words in commands.items():
            taken = median_seconds(partial(_command, folder, words), _ROUNDS)
            found.append(Result(f"{name}, {_RUNS:,} runs", taken, "s", goal="≤ 0.5 s", met=taken <= 0.5))
    return found


def _command(folder: str, words: list[str]) -> None:
    command = [sys.executable, "-m", "runledger", "run", "list", "-w", folder, *words]
    subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
