"""A history to Parquet, end to end from stored events, beside pyarrow writing the very same columns.

RUNLEDGER_BENCH_EVENTS sets another number of events.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.events import now
from benchmarks.metrics import log_points
from benchmarks.projection import append_run
from benchmarks.result import Result, interleaved
from ledger.feed import Feed
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from projections.analytics.columns import TABLES
from projections.analytics.lake import DICTIONARIES, ROWS, Lake
from projections.analytics.latest import latest
from projections.analytics.manifest import Manifest
from projections.analytics.reading import History
from projections.analytics.replay import Replaying, Source
from projections.analytics.selection import Selection, bounds_of
from projections.analytics.slots import FOLDERS
from projections.sqlite.view import SqliteView
from schemas.streams import CONTROL, VALUES, LogName

_EVENTS = int(os.environ.get("RUNLEDGER_BENCH_EVENTS", "400000"))
_EVENTS_A_RUN = 8
_POINTS = 1_000_000


def run() -> list[Result]:
    """The events of 50 thousand runs, their table, and a million points, each into lakes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_of_events(Path(folder)), _of_points(Path(folder))]


def _of_events(folder: Path) -> list[Result]:
    database, view = Database(folder / "events.db", durable=False), SqliteView(folder / "views.db")
    with closing(database), closing(view):
        log = open_sqlite_log(database, CONTROL, source="//bench", actor="bench", now=now)
        for number in range(_EVENTS // _EVENTS_A_RUN):
            append_run(log, number)
        source = Source(database, Feed(log.id, database), view)
        with latest(view, source.feed):  # the view is filled, as that of a workspace in use
            pass
        prepared = _prepared(database, CONTROL)
        taken, floor = interleaved(lambda: _history(source, folder), lambda: _written(prepared, CONTROL, folder))
        whole, _ = interleaved(lambda: _history(source, folder, latest_too=True), lambda: 0.0)
        rate, runs = _EVENTS / taken, _EVENTS // _EVENTS_A_RUN
        return [
            Result(
                "events from ledger.db to Parquet",
                rate,
                "events/s",
                _EVENTS / floor,
                "events/s, pyarrow writes prepared columns",
                "≥ 200,000 events/s",
                rate >= 200_000,
            ),
            Result(f"the same with the tables of {runs:,} runs", _EVENTS / whole, "events/s"),
        ]


def _of_points(folder: Path) -> Result:
    database, view = Database(folder / "values.db", durable=False), SqliteView(folder / "views2.db")
    with closing(database), closing(view):
        control = open_sqlite_log(database, CONTROL, source="//bench", actor="bench", now=now)
        log_points(open_sqlite_log(database, VALUES, source="//bench", actor="bench", now=now), "one", 1)
        source = Source(database, Feed(control.id, database), view)
        prepared = _prepared(database, VALUES)
        taken, floor = interleaved(lambda: _history(source, folder), lambda: _written(prepared, VALUES, folder))
        return Result(
            "logged points from ledger.db to Parquet",
            _POINTS / taken,
            "points/s",
            _POINTS / floor,
            "points/s, pyarrow writes prepared columns",
        )


def _prepared(database: Database, log: LogName) -> list[pa.RecordBatch]:
    (places,) = bounds_of(database, Selection()).ranges[log]
    return [part.rows for part in History(database).parts(log, places)]


def _history(source: Source, folder: Path, *, latest_too: bool = False) -> float:
    """Seconds for all of the history, into a new lake."""
    shutil.rmtree(folder / "lake", ignore_errors=True)
    lake = Lake(str(folder / "lake"))
    with lake.writing():
        began = perf_counter()
        lake.manifest()
        bounds = bounds_of(source.database, Selection())
        replaying = Replaying(source, lake, Manifest(log_id=source.feed.log_id), bounds)
        replaying.write_history()
        if latest_too:
            replaying.write_latest()
        return perf_counter() - began


def _written(prepared: Sequence[pa.RecordBatch], log: LogName, folder: Path) -> float:
    """Seconds for the same columns, as pyarrow alone writes them: one file, the same compression."""
    name = FOLDERS[log]
    dictionaries = [column for column in DICTIONARIES if column in TABLES[name].names]
    began = perf_counter()
    with pq.ParquetWriter(
        folder / "floor.parquet", TABLES[name], compression="zstd", use_dictionary=dictionaries
    ) as writer:
        writer.write_table(pa.Table.from_batches(prepared), row_group_size=ROWS)
    return perf_counter() - began
