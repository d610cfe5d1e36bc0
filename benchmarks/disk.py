"""What a generated workspace takes on the disk: in ledger.db, in each view, and as Parquet.

RUNLEDGER_BENCH_RUNS sets another number of runs. RUNLEDGER_BENCH_WORKSPACE names a workspace that
`python -m benchmarks.generate` made before: its ledger.db is measured too, and its views if it has them.
"""

import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TypeVar
from zlib import compress, decompress

from benchmarks.generate import ABOUT, make, project
from benchmarks.result import Result
from benchmarks.workspaces.shape import Shape
from ledger.feed import Feed
from ledger.store.database import Database
from ledger.store.tables import EVENT_TABLES
from ledger.workspace.folder import FOLDER, WorkspaceFolder
from projections.analytics.lake import Lake
from projections.analytics.manifest import Manifest
from projections.analytics.replay import Replaying, Source
from projections.analytics.selection import Selection, bounds_of
from projections.analytics.slots import FOLDERS
from projections.answers import PROJECTIONS
from projections.metrics.tables import TABLES as METRIC_TABLES
from projections.sqlite.view import SqliteView
from schemas.streams import CONTROL, VALUES, LogName

NOTES = """
The workspace is made by `python -m benchmarks.generate`: ten control events a run, values of several metrics in three
batches a run. Beside a figure of ledger.db stands what the records themselves hold, headers and value. The rest is
hashes, the index of streams, and room that is left in pages of 8 kB.
The rows of a million runs are of a workspace that `python -m benchmarks.generate --runs 1e6 FOLDER` made and
`RUNLEDGER_BENCH_WORKSPACE=FOLDER` named.
Beside the view of metrics stand its points in columns of 8 bytes: a time, a step, a value.
"""

_RUNS = int(os.environ.get("RUNLEDGER_BENCH_RUNS", "4000"))
_GIVEN = os.environ.get("RUNLEDGER_BENCH_WORKSPACE")
_RAW_POINT = 24

# In pages: the bytes of a table of more than 2 GB overflow in SQLite 3.40.
_SIZES = """
SELECT s.tbl_name, sum(d.pageno) * (SELECT page_size FROM pragma_page_size)
FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
WHERE d.aggregate = TRUE GROUP BY 1"""
_RECORDS = """
SELECT count(*), avg(length(s.name) + length(e.seq) + 2 * length(e.prev) + length(e.id) + length(e.source)
    + length(e.type) + length(e.time) + length(e.actor) + length(e.value))
FROM {} e JOIN streams s ON s.id = e.stream"""

_SAMPLE = "SELECT value FROM values_events WHERE place > 0 ORDER BY place LIMIT 5000"

T = TypeVar("T")
Counts = Mapping[str, int]


def run() -> list[Result]:
    """Bytes of everything, by run, event and value."""
    with _workspace() as (folder, made):
        results = [made, *measured(folder)]
    return results + (measured(Path(_GIVEN), lake=False) if _GIVEN is not None else [])


def measured(folder: Path, *, lake: bool = True) -> list[Result]:
    """Bytes of everything in a workspace that was generated; as Parquet too, if a `lake` shall be written."""
    counts: Counts = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    files = WorkspaceFolder(folder / FOLDER)
    results = [*_of_ledger(files, counts), *_if_deflated(files)]
    if files.views_db.exists():
        results += _of_views(files, counts)
    if lake:
        results += _of_lake(files, counts)
    return [replace(each, name=f"{counts['runs']:,} runs, {each.name}") for each in results]


@contextmanager
def _workspace() -> Iterator[tuple[Path, Result]]:
    with tempfile.TemporaryDirectory() as parent:
        folder, shape = Path(parent) / "workspace", Shape(runs=_RUNS, events=10 * _RUNS, values=100 * _RUNS)
        began = perf_counter()
        made = make(folder, shape, processes=2, views=False, say=lambda _: None)
        rate = (made.events + made.batches) / (perf_counter() - began)
        project(folder, lambda _: None)
        yield folder, Result("generated, control events and batches", rate, "events/s")


def _of_ledger(files: WorkspaceFolder, counts: Counts) -> list[Result]:
    sizes = _sizes(files.ledger_db)
    control, values = (_record_bytes(files.ledger_db, log) for log in (CONTROL, VALUES))
    events, batches = sizes[EVENT_TABLES[CONTROL]], sizes[EVENT_TABLES[VALUES]]
    whole = files.ledger_db.stat().st_size
    what = f"{counts['events']:,} events, {counts['values']:,} values: ledger.db"
    return [
        Result(what, whole / 1e9, "GB"),
        _each("ledger.db: a control event", events, counts["events"], control, "bytes of its record"),
        _each("ledger.db: a batch of values", batches, counts["batches"], values, "bytes of its record"),
        _each(
            "ledger.db: a value", batches, counts["values"], values * counts["batches"] / counts["values"], "in records"
        ),
        _each("ledger.db: a run's two streams", sizes["streams"], counts["runs"]),
    ]


def _if_deflated(files: WorkspaceFolder) -> list[Result]:
    """What packing the values log's records one by one would save and cost; it is not done (ADR 0055)."""
    with closing(sqlite3.connect(files.ledger_db)) as connection:
        values = [value for (value,) in connection.execute(_SAMPLE)]
    packed, packing = _timed(lambda: [compress(value, 6) for value in values])
    _, unpacking = _timed(lambda: [decompress(value) for value in packed])
    _, hashing = _timed(lambda: [sha256(value).digest() for value in values])
    raw = sum(map(len, values)) / len(values)
    each = 1e6 / len(values)
    return [
        Result("a batch's value, if deflated", sum(map(len, packed)) / len(values), "bytes", raw, "bytes as it is"),
        Result("deflating a batch", packing * each, "µs"),
        Result("inflating a batch", unpacking * each, "µs", hashing * each, "µs, hashing it"),
    ]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = perf_counter()
    return work(), perf_counter() - began


def _of_views(files: WorkspaceFolder, counts: Counts) -> list[Result]:
    sizes = _sizes(files.views_db)
    results = [Result("views.db, all views", files.views_db.stat().st_size / 1e9, "GB")]
    for projection in PROJECTIONS:
        prefixes = tuple(f"{table}_" for table in projection.tables)
        size = sum(size for table, size in sizes.items() if table.startswith(prefixes))
        results.append(_each(f"view of {projection.name}: a run", size, counts["runs"]))
    points = sum(sizes[table] for table in METRIC_TABLES)
    chunks = sizes["metric_chunks"]
    floor = "bytes, columns of 8"
    return [
        *results,
        _each("view of metrics: a value", points, counts["values"], _RAW_POINT, floor),
        _each("the same without names and last values", chunks, counts["values"], _RAW_POINT, floor),
    ]


def _of_lake(files: WorkspaceFolder, counts: Counts) -> list[Result]:
    with (
        tempfile.TemporaryDirectory() as place,
        closing(Database(files.ledger_db, durable=False)) as database,
        closing(SqliteView(Path(place) / "views.db")) as view,
    ):
        source = Source(database, Feed(database.identities()[CONTROL].id, database), view)
        lake = Lake(f"{place}/lake")
        with lake.writing():
            lake.manifest()
            bounds = bounds_of(database, Selection())
            Replaying(source, lake, Manifest(log_id=source.feed.log_id), bounds).write_history()
        events, values = (_folder_bytes(Path(place) / "lake" / FOLDERS[log]) for log in (CONTROL, VALUES))
    return [
        _each("Parquet: a control event", events, counts["events"]),
        _each("Parquet: a value", values, counts["values"]),
    ]


def _each(name: str, size: float, count: int, floor: float | None = None, floor_name: str | None = None) -> Result:
    return Result(name, size / count, "bytes", floor, floor_name)


def _sizes(path: Path) -> dict[str, int]:
    """The bytes of each table with its indexes."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute(_SIZES))


def _record_bytes(path: Path, log: LogName) -> float:
    with closing(sqlite3.connect(path)) as connection:
        print(f"  reading the {log} log", file=sys.stderr, flush=True)
        return float(connection.execute(_RECORDS.format(EVENT_TABLES[log])).fetchone()[1])


def _folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))
