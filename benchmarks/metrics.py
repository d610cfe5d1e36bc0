"""Runs with a million points: folding them, reading them whole, and thinning them for a chart."""

import tempfile
from array import array
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.events import now
from benchmarks.result import Result, interleaved, median_seconds
from ledger.logs.log import chain
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.metrics import SeriesQuery
from ledger.store.database import Database
from projections.metrics.queries import Metrics
from projections.metrics.tables import TABLES
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.events import RunLoggedEvent
from schemas.events.values import Series
from schemas.records import Envelope
from schemas.registry import decode
from schemas.streams import VALUES, values_stream

_POINTS = 1_000_000
_BATCH = 5_000
_BUCKETS = 500
_ROUNDS = 5
_RAW = 3 * 8 * _POINTS
_BEGAN = 1_700_000_000_000_000
_RUNS = 100


def run() -> list[Result]:
    """A run with one writer, one with two at once, and a page of small runs."""
    with tempfile.TemporaryDirectory() as folder:
        database, view = Database(Path(folder) / "l.db", durable=False), SqliteView(Path(folder) / "v.db")
        with closing(database), closing(view):
            log = open_sqlite_log(database, "values", source="//bench", actor="bench", now=now)
            log_points(log, "one", 1)
            log_points(log, "two", 2)
            metrics = Metrics(database, view)
            return [
                *_folding(database, view, metrics),
                *_reading(metrics, SeriesQuery(run_id="one"), "1 million points"),
                *_reading(metrics, SeriesQuery(run_id="two"), "1 million points of two writers"),
                _last_values(log, metrics),
            ]


def _folding(database: Database, view: View, metrics: Metrics) -> list[Result]:
    events = database.stream_events(values_stream("one", "w0"), log=VALUES)
    taken = _seconds(lambda: metrics.summaries("one"))
    decoded = _seconds(lambda: [decode(event.envelope.type, event.envelope.value) for event in events])
    size = sum(
        view.reading().execute("SELECT sum(pgsize) FROM dbstat WHERE name = ?", (table,)).fetchone()[0]
        for table in TABLES
    )
    return [
        Result("folding of logged points", _POINTS / taken, "points/s", _POINTS / decoded, "points/s, only decoded"),
        Result("metrics tables", size, "bytes", _RAW, "bytes, columns of 8 bytes", "ratio ≤ 3", size <= 3 * _RAW),
    ]


def _reading(metrics: Metrics, query: SeriesQuery, what: str) -> list[Result]:
    metrics.summaries(query.run_id)
    lists = _lists()
    whole, floor = interleaved(lambda: _seconds(lambda: metrics.series(query)), lambda: _seconds(lists), _ROUNDS)
    thinned = median_seconds(lambda: metrics.thinned(query, buckets=_BUCKETS), _ROUNDS)
    return [
        Result(f"{what}, whole", whole * 1e3, "ms", floor * 1e3, "ms, bytes to lists", "≤ 700 ms", whole <= 0.7),
        Result(f"{what}, thinned to {_BUCKETS}", thinned * 1e3, "ms", goal="≤ 500 ms", met=thinned <= 0.5),
    ]


def _last_values(log: SqliteLog, metrics: Metrics) -> Result:
    runs = [f"small{number}" for number in range(_RUNS)]
    for run_id in runs:
        _append(log, run_id, 0, [RunLoggedEvent(writer="w0", first=0, last=0, series=_small())])
    taken = median_seconds(lambda: metrics.last_values(runs), _ROUNDS) * 1e3
    return Result(f"last values of {_RUNS} runs", taken, "ms", goal="≤ 20 ms", met=taken <= 20)


def _small() -> list[Series]:
    return [Series(name=f"m{name}", kind="scalar", index=[0], times=[_BEGAN], values=[0.5]) for name in range(10)]


def _lists() -> Callable[[], object]:
    """What any answer costs at least: packed columns become Python lists."""
    columns: list[array[Any]] = [
        array("q", range(_BEGAN, _BEGAN + _POINTS)),
        array("q", range(_POINTS)),
        array("d", range(_POINTS)),
    ]
    packed = [(column.typecode, column.tobytes()) for column in columns]
    return lambda: [array(code, content).tolist() for code, content in packed]


def log_points(log: SqliteLog, run_id: str, writers: int) -> None:
    """A million points, each writer's as far apart in time as it takes for them to be mixed."""
    each = _POINTS // writers
    for writer in range(writers):
        batches = [_batch(writer, first, writers) for first in range(0, each, _BATCH)]
        _append(log, run_id, writer, batches)


def _batch(writer: int, first: int, writers: int) -> RunLoggedEvent:
    places = list(range(first, first + _BATCH))
    times = [_BEGAN + (place * writers + writer) * 1_000 + place * 7_919 % 300 for place in places]
    values = [1 / (1 + place) for place in places]
    series = Series(name="loss", kind="scalar", index=places, times=times, steps=list(places), values=list(values))
    return RunLoggedEvent(writer=f"w{writer}", first=places[0], last=places[-1], series=[series])


def _append(log: SqliteLog, run_id: str, writer: int, batches: Sequence[RunLoggedEvent]) -> None:
    stream, time, type_ = values_stream(run_id, f"w{writer}"), "2026-11-23T10:00:00.000000Z", RunLoggedEvent.type_name()
    log.append(
        chain(
            log.id,
            [
                Envelope(stream, seq, "", f"{run_id}-{writer}-{seq}", "//bench", type_, time, "bench", batch.to_value())
                for seq, batch in enumerate(batches, 1)
            ],
        )
    )


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began
