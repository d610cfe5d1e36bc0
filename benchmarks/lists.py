"""Lists of runs at a million of them: pages, filters, search, orders, counts and names to choose.

The runs are made once, straight into the tables of the view, and kept in build/lists/: about 2 GB for a
million. RUNLEDGER_BENCH_RUNS sets another number.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from benchmarks.result import Result, percentile
from ledger.feed import FeedEvent
from ledger.filters import Filter
from ledger.metrics import Scalar
from ledger.queries import KeyQuery, RunQuery
from projections.runs.facets import find_names
from projections.runs.projection import RunsProjection
from projections.runs.queries import find_runs
from projections.view import Checkpoint, View
from schemas.events import Event, Personal, RunParameterAddedEvent, RunStartedEvent, RunStatusChangedEvent, Seal
from schemas.records import Envelope
from schemas.statuses import RunStatus

_RUNS = int(os.environ.get("RUNLEDGER_BENCH_RUNS", "1000000"))
_FOLDER = Path(__file__).resolve().parent.parent / "build" / "lists"
_BYTES = 2_000
_LOG = "00000000-0000-0000-0000-000000000000"
_BATCH = 2_000
_TIMES = 60
_CHILDREN = 10_000
_METRICS = 10_000
_GOAL = 30.0
_FIRST = 1_735_689_600
_ENDS = (RunStatus.COMPLETED,) * 8 + (RunStatus.FAILED, RunStatus.CANCELED)


def run() -> list[Result]:
    """Every kind of question, so many times."""
    with closing(View(_made())) as view:
        return [each for name, query in _questions().items() for each in _measured(view, name, query)]


def _questions() -> dict[str, Callable[[View], object]]:
    def page(*chips: str, **fields: object) -> Callable[[View], object]:
        query = RunQuery(filters=tuple(map(Filter.parse, chips)), **fields)  # type: ignore[arg-type]
        return lambda view: find_runs(view.reading(), _LOG, query)

    def following(**fields: object) -> Callable[[View], object]:
        """The page behind ten others."""

        def ask(view: View) -> object:
            if not place:
                cursor = None
                for _ in range(10):
                    cursor = find_runs(view.reading(), _LOG, RunQuery(cursor=cursor, **fields)).cursor  # type: ignore[arg-type]
                place.append(cursor)
            return find_runs(view.reading(), _LOG, RunQuery(cursor=place[0], **fields))  # type: ignore[arg-type]

        place: list[str | None] = []
        return ask

    chosen = ["tag.team", "parameter.lr", "metric.loss", "metric.acc"]
    return {
        "first page": page(columns=chosen, count=True, family=True),
        "page 11": following(),
        "tag is one of two": page("tag.team:is:t3,t4"),
        "tag is not": page("tag.team:is-not:t3", count=True),
        "tag has key": page("tag.rare:has-key", count=True),
        "property starts with": page("property.commit:starts-with:00ab"),
        "property of a run alone": page("property.commit:is:" + f"{77:08x}"),
        "status and experiment": page("status:is:Failed", "experiment:is:e18", count=True),
        "status and experiment that no run has both": page("status:is:Failed", "experiment:is:e11", count=True),
        "submitter and target": page("submitter:is:u3", "target:is:gpu"),
        "name starts with": page("name:starts-with:run 99"),
        "run id starts with": page("run_id:starts-with:run-0042"),
        "parameter between": page("parameter.lr:between:0.2,0.201"),
        "parameter below, half of all": page("parameter.lr:<:0.5", count=True),
        "metric below, a thousandth": page("metric.loss:<:0.001", count=True),
        "metric below, half of all": page("metric.loss:<:0.5", "tag.team:is:t3"),
        "ended in an hour": page("ended:between:2025-01-05T10:00,2025-01-05T11:00"),
        "duration above": page("duration:>:59m"),
        "search for one run": page(search="run-0000777"),
        "search for two words": page(search="t3 u7"),
        "search and filter": page("status:is:Failed", search="t3"),
        "order by a metric": page(order_by="metric.loss"),
        "order by a metric, page 11": following(order_by="-metric.loss"),
        "order by a parameter, filtered": page("tag.team:is:t3", order_by="-parameter.lr"),
        "order by duration": page(order_by="-duration"),
        "order by status": page(order_by="status"),
        "order by start, oldest first": page(order_by="start"),
        "order by a metric, one experiment": page("experiment:is:e11", order_by="metric.loss"),
        f"children of a run that has {_CHILDREN:,}": page(parent_run_id="parent", count=True, columns=chosen),
        "matching children with parents": page("tag.team:is:t3", include_children=True, family=True),
        f"names among {_METRICS:,} metrics": lambda view: find_names(
            view.reading(), KeyQuery(kind="metric", prefix="m12")
        ),
        "values of a tag": _names(kind="tag", key="team"),
    }


def _names(kind: str, **fields: str) -> Callable[[View], object]:
    return lambda view: find_names(view.reading(), KeyQuery(kind=kind, **fields))  # type: ignore[arg-type]


def _measured(view: View, name: str, ask: Callable[[View], object]) -> Iterator[Result]:
    taken = []
    ask(view)
    for _ in range(_TIMES):
        began = perf_counter()
        ask(view)
        taken.append((perf_counter() - began) * 1e3)
    p50, p95 = percentile(taken, 0.5), percentile(taken, 0.95)
    yield Result(f"{name}, {_RUNS:,} runs, p50", p50, "ms")
    yield Result(f"{name}, {_RUNS:,} runs, p95", p95, "ms", goal=f"≤ {_GOAL:.0f} ms", met=p95 <= _GOAL)


def _made() -> Path:
    """The view, made unless it is there."""
    file = _FOLDER / f"views-{_RUNS}-{RunsProjection.version}.db"
    if file.exists():
        return file
    print(f"making {_RUNS:,} runs in {_FOLDER}, about {_RUNS * _BYTES / 1e9:.1f} GB", file=sys.stderr, flush=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    for left in _FOLDER.glob(f"{unfinished.name}*"):
        left.unlink()
    with closing(View(unfinished)) as view:
        _fill(view)
    unfinished.rename(file)
    return file


def _fill(view: View) -> None:
    projection = RunsProjection()
    with view.writing():
        checkpoint = view.begin(projection, _LOG)
    for start in range(0, _RUNS, _BATCH):
        events = [each for number in range(start, min(start + _BATCH, _RUNS)) for each in _events(number)]
        with view.writing() as connection:
            projection.apply(events, connection, checkpoint.suffix)
            view.note(projection, Checkpoint(projection.version, checkpoint.generation, _LOG, events[-1].position))
        if start % 100_000 == 0:
            print(f"  {start:,} runs", file=sys.stderr, flush=True)


def _events(number: int) -> Iterator[FeedEvent]:
    """One run: the first has children, the second 10,000 metrics."""
    run_id = "parent" if number == 0 else f"run-{number:07}"
    parent = "parent" if 0 < number <= _CHILDREN else None
    ended = _FIRST + number * 30 + number * 7919 % 3_600
    spread = number * 2_654_435_761 % 1_000_003 / 1_000_003
    metrics: dict[str, Scalar] = {"loss": spread, "acc": 1 - spread}
    if number == _CHILDREN + 1:
        metrics |= {f"m{metric:05}": float(metric) for metric in range(_METRICS)}
    tags: dict[str, Personal | None] = {"team": f"t{number % 20}", "quality": None}
    if number % 5_000 == 0:
        tags["rare"] = "yes"
    started = RunStartedEvent(
        experiment=f"e{number % 50}",
        experiment_id=f"i{number % 50}",
        display_name=f"run {number}",
        target="gpu" if number % 3 == 0 else "local",
        tags=tags,
        properties={"author": f"a{number % 300}", "commit": f"{number * 40_503 % (1 << 32):08x}"},
        parent_run_id=parent,
        root_run_id=parent,
    )
    end = RunStatusChangedEvent(previous=RunStatus.RUNNING, status=_ENDS[number % 10], seal=Seal(last_values=metrics))
    yield _happened(number, 1, run_id, _FIRST + number * 30, started)
    yield _happened(number, 2, run_id, _FIRST + number * 30, RunParameterAddedEvent(key="lr", value=spread))
    yield _happened(number, 3, run_id, ended, end)


def _happened(number: int, seq: int, run_id: str, at: int, event: Event) -> FeedEvent:
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    envelope = Envelope(f"run:{run_id}", seq, "", "", "//bench", event.type_name(), time, f"u{number % 40}", b"")
    return FeedEvent(number * 3 + seq, at * 1000, b"", envelope, event)
