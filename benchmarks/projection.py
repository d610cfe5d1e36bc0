"""Filling the run table, and a filtered page of it at 100 thousand runs."""

import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid5

from benchmarks.events import now
from benchmarks.result import Result, median_seconds
from ledger.feed import Feed
from ledger.logs.log import chain
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.queries import RunQuery
from ledger.store.database import Database
from projections.answers import PROJECTIONS
from projections.runner import catch_up
from projections.runs.matching import Source
from projections.runs.queries import find_runs
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.events import (
    Event,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
)
from schemas.records import Envelope
from schemas.statuses import RunStatus

_RUNS = 100_000
_NAMESPACE = UUID(int=0)
_PAGES = 200


def run() -> list[Result]:
    """The projection's rate over 800 thousand events, then pages."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "ledger.db", durable=False)
        view = SqliteView(Path(folder) / "views.db")
        with closing(database), closing(view):
            log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
            for number in range(_RUNS):
                append_run(log, number)
            feed = Feed(log.id, database)
            began = perf_counter()
            catch_up(view, PROJECTIONS[0], feed)
            rate = feed.last_position() / (perf_counter() - began)
            return [
                Result("projection of runs", rate, "events/s", goal="≥ 60,000 events/s", met=rate >= 60_000),
                *_pages(view, log.id),
            ]


def _pages(view: View, log_id: str) -> list[Result]:
    queries = {
        "newest page": RunQuery(),
        "page by tag, property and status": RunQuery(
            tags={"team": "t3"}, properties={"author": "a7"}, statuses=["Completed"]
        ),
        "page by experiment and status": RunQuery(experiment="e11", statuses=["Failed"]),
        "page by a search for two words": RunQuery(search="a7 t3"),
        "page that finds nothing": RunQuery(tags={"team": "t3"}, properties={"author": "nobody"}),
    }
    results = []
    for name, query in queries.items():
        taken = median_seconds(lambda query=query: find_runs([Source(view.reading())], log_id, query), _PAGES) * 1e3  # type: ignore[misc]
        results.append(Result(f"{name}, {_RUNS:,} runs", taken, "ms", goal="≤ 3 ms", met=taken <= 3))
    return results


def append_run(log: SqliteLog, number: int) -> None:
    """Append the eight events of a run."""
    events = _events(number)
    run_id = str(uuid5(_NAMESPACE, str(number)))
    seconds = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    first = Envelope(
        stream=f"run:{run_id}",
        seq=1,
        prev="",
        id=run_id,
        source="//bench/runledger",
        type="",
        time=f"2026-{number // 2_500_000 % 12 + 1:02}-{number // 86_400 % 28 + 1:02}T{seconds}.000000Z",
        actor="bench",
        value=b"",
    )
    envelopes = [
        first._replace(seq=seq, id=f"{run_id}-{seq}", type=event.type_name(), value=event.to_value())
        for seq, event in enumerate(events, 1)
    ]
    log.append(chain(log.id, envelopes))


def _events(number: int) -> list[Event]:
    end = RunStatus.FAILED if number % 10 == 0 else RunStatus.COMPLETED
    return [
        RunStartedEvent(experiment=f"e{number % 50}", experiment_id="i", display_name=f"run {number}"),
        RunTaggedEvent(key="team", value=f"t{number % 20}"),
        RunTaggedEvent(key="quality", value=None),
        RunPropertyAddedEvent(key="author", value=f"a{number % 300}"),
        RunPropertyAddedEvent(key="commit", value=f"{number:040x}"),
        RunParameterAddedEvent(key="lr", value=number / 1000),
        RunTaggedEvent(key="team", value=f"t{(number + 1) % 20}"),
        RunStatusChangedEvent(previous=RunStatus.RUNNING, status=end),
    ]
