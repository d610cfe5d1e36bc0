"""Lists of runs at a million of them: pages, filters, search, orders, counts and names to choose.

What is asked is what the Studio asks, which looks at 30,000 runs at most for a page that few match.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from time import perf_counter, thread_time

from benchmarks.million import CHILDREN, METRICS, RUNS, million
from benchmarks.result import Result, percentile
from ledger.filters import Filter
from ledger.queries import KeyQuery, RunQuery
from ledger.workspace.folder import FOLDER
from projections.runs.facets import find_names
from projections.runs.matching import Source
from projections.runs.queries import find_runs
from projections.sqlite.view import SqliteView
from projections.view import View

_LOG = "00000000-0000-0000-0000-000000000000"
_WITHIN = 30_000
NOTES = """\
Beside each figure stands the processor time of the same answers: where the figure is many times as much, other programs
had the processor meanwhile, and a goal is missed by waiting for it. The dearest questions are two conditions that many
runs meet each and none both: 30,000 runs are looked at, then the page says so and goes on from there. Only the last
2,000 runs are events of a log; the rows of the others are written as the projection would have written them.
"""
_TIMES = 60
_GOAL = 30.0


def run() -> list[Result]:
    """Every kind of question, so many times."""
    with closing(SqliteView(million() / FOLDER / "views.db")) as view:
        return [each for name, query in questions().items() for each in _measured(view, name, query)]


def questions() -> dict[str, Callable[[View], object]]:
    """What is asked, by what it is called in a report."""

    def page(*chips: str, **fields: object) -> Callable[[View], object]:
        query = RunQuery(filters=tuple(map(Filter.parse, chips)), within=_WITHIN, **fields)  # type: ignore[arg-type]
        return lambda view: find_runs([Source(view.reading())], _LOG, query)

    def following(**fields: object) -> Callable[[View], object]:
        """The page behind ten others."""

        def ask(view: View) -> object:
            if not place:
                cursor = None
                for _ in range(10):
                    cursor = find_runs([Source(view.reading())], _LOG, RunQuery(cursor=cursor, **fields)).cursor  # type: ignore[arg-type]
                place.append(cursor)
            return find_runs([Source(view.reading())], _LOG, RunQuery(cursor=place[0], **fields))  # type: ignore[arg-type]

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
        "status and tag that no run has both": page("status:is:Canceled", "tag.team:is:t3", count=True),
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
        "search for the beginning of a word of most": page(search="compl", count=True),
        "search for one letter": page(search="t"),
        "search and filter": page("status:is:Failed", search="t8", count=True),
        "search and filter that no run has both": page("status:is:Failed", search="t3", count=True),
        "search for a word that few have, and filter": page("target:is:gpu", search="a77"),
        "order by a metric": page(order_by="metric.loss"),
        "order by a metric, page 11": following(order_by="-metric.loss"),
        "order by a parameter, filtered": page("tag.team:is:t3", order_by="-parameter.lr"),
        "order by duration": page(order_by="-duration"),
        "order by status": page(order_by="status"),
        "order by start, oldest first": page(order_by="start"),
        "order by a metric, one experiment": page("experiment:is:e11", order_by="metric.loss"),
        f"children of a run that has {CHILDREN:,}": page(parent_run_id="parent", count=True, columns=chosen),
        "matching children with parents": page("tag.team:is:t3", include_children=True, family=True),
        f"names among {METRICS:,} metrics": lambda view: find_names(
            view.reading(), KeyQuery(kind="metric", prefix="m12")
        ),
        "values of a tag": _names(kind="tag", key="team"),
    }


def seconds_of(ask: Callable[[], object], times: int = _TIMES) -> list[float]:
    """The times of some answers, when one was given before."""
    taken = []
    ask()
    for _ in range(times):
        began = perf_counter()
        ask()
        taken.append(perf_counter() - began)
    return taken


def _names(kind: str, **fields: str) -> Callable[[View], object]:
    return lambda view: find_names(view.reading(), KeyQuery(kind=kind, **fields))  # type: ignore[arg-type]


def _measured(view: View, name: str, ask: Callable[[View], object]) -> Iterator[Result]:
    """The time for one answer, and what of it the processor was at work: the rest is other programs' time."""
    taken, worked = [], []
    ask(view)
    for _ in range(_TIMES):
        began, at_work = perf_counter(), thread_time()
        ask(view)
        taken.append((perf_counter() - began) * 1e3)
        worked.append((thread_time() - at_work) * 1e3)
    p95, work = percentile(taken, 0.95), percentile(worked, 0.95)
    goal = f"≤ {_GOAL:.0f} ms"
    yield Result(f"{name}, {RUNS:,} runs, p95", p95, "ms", work, "ms, processor time", goal, p95 <= _GOAL)
