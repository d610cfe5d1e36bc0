"""Filtered pages of the same runs here and in MLflow's own store, both in one process on SQLite.

The runs are those of `benchmarks.million`. MLflow makes its tables itself; its rows are written straight into them, as
its client would have written them, since that takes half a day for a million. The answers are compared as well: a
question counts only if both name the same runs. RUNLEDGER_BENCH_RUNS sets another number of runs.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import million
from benchmarks.result import Result, percentile
from benchmarks.tracking import mlflow_python
from ledger.filters import Filter
from ledger.queries import RunQuery
from ledger.workspace.folder import FOLDER
from projections.runs.matching import Source
from projections.runs.queries import find_runs
from projections.sqlite.view import SqliteView
from projections.view import View

NOTES = """\
Beside each figure stands MLflow's, of a page of 50 of the same runs by the same condition: its `MlflowClient` on its
own SQLite file. A ratio below 1 is faster. MLflow has no properties: there they are tags.
"""
_LOG = "00000000-0000-0000-0000-000000000000"
_SCRIPT = Path(__file__).with_name("mlflow_pages.py")
_GOAL_MS = 3.0
_TIMES = 60
_SECONDS = 20.0
_AT_MOST_SECONDS = 120.0

# The rows of a store of MLflow 3, from the table `n` of `benchmarks.million`.
_FILL = (
    """INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
        end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
    SELECT run_id, 'run ' || number, 'UNKNOWN', '', '', submitter,
        CASE status WHEN 'Failed' THEN 'FAILED' WHEN 'Canceled' THEN 'KILLED' ELSE 'FINISHED' END,
        created / 1000, ended / 1000, '', 'active', '/artifacts/' || run_id, number % 50 + 1
    FROM n ORDER BY run_id""",
    """INSERT INTO tags (key, value, run_uuid) SELECT * FROM (
        SELECT 'author' AS key, author, run_id FROM n
        UNION ALL SELECT 'commit', hash, run_id FROM n
        UNION ALL SELECT 'mlflow.parentRunId', 'parent', run_id FROM n WHERE child
        UNION ALL SELECT 'mlflow.runName', 'run ' || number, run_id FROM n
        UNION ALL SELECT 'mlflow.user', submitter, run_id FROM n
        UNION ALL SELECT 'quality', '', run_id FROM n
        UNION ALL SELECT 'rare', 'yes', run_id FROM n WHERE rare
        UNION ALL SELECT 'target', target, run_id FROM n
        UNION ALL SELECT 'team', team, run_id FROM n
    ) ORDER BY 1, 3""",
    "INSERT INTO params (key, value, run_uuid) SELECT 'lr', as_text(spread), run_id FROM n ORDER BY run_id",
    """INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT * FROM (
        SELECT 'acc' AS key, 1 - spread, created / 1000, 0, 0, run_id FROM n
        UNION ALL SELECT 'loss', spread, created / 1000, 0, 0, run_id FROM n
        UNION ALL SELECT printf('m%05d', m.number), m.number * 1.0, n.created / 1000, 0, 0, n.run_id
            FROM n AS m CROSS JOIN n WHERE n.number = {children} + 1 AND m.number < {metrics}
    ) ORDER BY 1, 6""",
    """INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
    SELECT key, value, timestamp, run_uuid, step, is_nan FROM latest_metrics ORDER BY key, timestamp""",
)


@dataclass(frozen=True)
class Asked:
    """One question, in both tongues."""

    ours: RunQuery
    theirs: dict[str, Any] = field(default_factory=dict)


def run() -> list[Result]:
    """Each question, so many times in each; of ours alone where MLflow cannot be had."""
    questions = _questions()
    theirs = _of_mlflow(questions)
    results = []
    with closing(SqliteView(million.million() / FOLDER / "views.db")) as view:
        for name, asked in questions.items():
            taken, runs = _of_ours(view, asked.ours)
            results += _compared(name, taken, runs, theirs.get(name))
    return results


def _questions() -> dict[str, Asked]:
    def page(*chips: str, order_by: str | None = None) -> RunQuery:
        return RunQuery(filters=tuple(map(Filter.parse, chips)), order_by=order_by, include_children=True)

    return {
        "newest page": Asked(page()),
        "by status": Asked(page("status:is:Failed"), {"filter": "attributes.status = 'FAILED'"}),
        "by tag and parameter": Asked(
            page("tag.team:is:t3", "parameter.lr:between:0.2,0.2999999999"),
            {"filter": "tags.team = 't3' AND params.lr LIKE '0.2%'"},
        ),
        "by a rare tag": Asked(page("tag.rare:is:yes"), {"filter": "tags.rare = 'yes'"}),
        "ordered by a metric": Asked(page(order_by="metric.loss"), {"order": ["metrics.loss ASC"]}),
        "that finds nothing": Asked(
            page("tag.team:is:t3", "property.author:is:nobody"),
            {"filter": "tags.team = 't3' AND tags.author = 'nobody'"},
        ),
        "by experiment and a bound of a metric": Asked(
            page("experiment:is:e11", "metric.loss:<:0.001"),
            {"experiments": ["12"], "filter": "metrics.loss < 0.001"},
        ),
    }


def _of_ours(view: View, query: RunQuery) -> tuple[list[float], list[str]]:
    find_runs([Source(view.reading())], _LOG, query)
    taken: list[float] = []
    for _ in range(_TIMES):
        began = perf_counter()
        page = find_runs([Source(view.reading())], _LOG, query)
        taken.append((perf_counter() - began) * 1e3)
    return taken, [run["run_id"] for run in page.runs]


def _of_mlflow(questions: dict[str, Asked]) -> dict[str, Any]:
    """What each took, and the runs on it; without what took too long, and empty where MLflow cannot be had."""
    python = mlflow_python()
    if python is None:
        return {}
    found: dict[str, Any] = {}
    try:
        folder = _store(python)
        for name, asked in questions.items():
            with suppress(subprocess.TimeoutExpired):
                found[name] = _answer(python, folder, asked.theirs)
    except (OSError, sqlite3.Error, subprocess.CalledProcessError) as error:
        print(f"MLflow is not compared with: {error}", file=sys.stderr)
    return found


def _answer(python: Path, folder: Path, question: dict[str, Any]) -> Any:
    """In a process of its own, which is killed where one page takes too long."""
    asked = json.dumps(question | {"times": _TIMES, "seconds": _SECONDS})
    command = [str(python), "-P", str(_SCRIPT), str(folder)]
    done = subprocess.run(
        command, input=asked, stdout=subprocess.PIPE, check=True, text=True, timeout=_SECONDS + _AT_MOST_SECONDS
    )
    return json.loads(done.stdout.splitlines()[-1])


def _store(python: Path) -> Path:
    """The folder of MLflow's store with the runs, made unless it is there."""
    place = million.million().parent / f"mlflow-{million.RUNS}"
    if place.exists():
        return place
    print(f"making {million.RUNS:,} runs in {place}, 2 GB a million", file=sys.stderr, flush=True)
    unfinished = place.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    subprocess.run([python, "-P", _SCRIPT, "--make", unfinished], check=True, stdout=subprocess.DEVNULL)
    with closing(sqlite3.connect(unfinished / "mlflow.db", isolation_level=None)) as connection:
        connection.create_function("as_text", 1, str, deterministic=True)
        connection.execute("PRAGMA cache_size=-400000")
        connection.execute("PRAGMA synchronous=OFF")
        for statement in (million.ALL_RUNS, *_FILL):
            connection.execute(statement.format(**million.names_for(million.RUNS)))
    unfinished.rename(place)
    return place


def _compared(name: str, taken: Sequence[float], runs: list[str], theirs: dict[str, Any] | None) -> list[Result]:
    what = f"page {name}, {million.RUNS:,} runs"
    if theirs is not None and theirs["runs"] != runs:
        raise ValueError(f"{what}: MLflow finds {theirs['runs'][:3]} ..., we find {runs[:3]} ...")
    results = []
    for part, goal in ((0.5, _GOAL_MS), (0.95, None)):
        figure = percentile(taken, part)
        peer = None if theirs is None else percentile(theirs["taken"], part)
        named = f"MLflow: no page within {_AT_MOST_SECONDS:.0f} s" if peer is None else "ms, MLflow"
        met = None if goal is None else figure <= goal
        text = None if goal is None else f"≤ {goal:.0f} ms"
        results.append(Result(f"{what}: p{part * 100:.0f}", figure, "ms", peer, named, text, met))
    return results
