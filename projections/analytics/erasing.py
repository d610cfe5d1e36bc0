"""Taking the text of an erased run out of a lake: its rows are written anew, the others stay as they are."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ledger.errors import LogRefusedError
from projections.analytics.columns import TABLES
from projections.analytics.events import events_batch
from projections.analytics.experiments import Experiments
from projections.analytics.lake import Lake
from projections.analytics.metrics import metrics_batch
from projections.analytics.replay import Source
from projections.analytics.run_rows import runs_batch
from projections.runs.changed import known_of_run
from projections.runs.state import apply_event
from schemas.streams import CONTROL, VALUES, run_stream, values_streams

_SUFFIX = ".parquet"
_ORDER: Mapping[str, tuple[str, ...]] = {"events": ("position",), "metrics": ("partition", "offset")}
"""By which columns a file's rows are in order; rows of one record stay as they are."""


def erase_from_lake(source: Source, lake: Lake, run_id: str) -> int:
    """Write each file anew that has rows of a run, and answer how many; ended half-way, it is called again.

    Each file is replaced as a whole. The manifest stays: a replay goes on where it was.

    Raises:
        LogRefusedError: the lake was filled from another log.
        UnavailableError: a replay is at work there, or nothing can be written.
    """
    with lake.writing():
        manifest = lake.manifest()
        if manifest is None:
            return 0
        if manifest.log_id != source.feed.log_id:
            raise LogRefusedError(f"{lake.address} was filled from log {manifest.log_id}, this is {source.feed.log_id}")
        rewritten = 0
        for folder in _ORDER:
            rows = _rows_of(source, folder, run_id)
            for key in [key for key in lake.place.keys(f"{folder}/") if key.endswith(_SUFFIX)]:
                rewritten += _rewrite(lake, key, folder, run_id, rows)
        rewritten += _rewrite_run(source, lake, run_id, manifest.snapshots or 0)
        lake.place.settle()
        return rewritten


def _rows_of(source: Source, folder: str, run_id: str) -> pa.Table:
    """The rows of the run as the ledger tells them now."""
    database, experiments = source.database, Experiments(source.database)
    log = CONTROL if folder == "events" else VALUES
    streams = [run_stream(run_id)] if log == CONTROL else [*database.heads_of(values_streams(run_id))]
    rows = sorted(database.plain(each) for stream in streams for each in database.stream_events(stream, log=log))
    batch = events_batch(rows, experiments) if log == CONTROL else metrics_batch(rows, experiments).points
    return pa.Table.from_batches([batch], schema=TABLES[folder])


def _rewrite(lake: Lake, key: str, folder: str, run_id: str, rows: pa.Table) -> int:
    order = _ORDER[folder]
    with lake.place.open(key) as stream:
        file = pq.ParquetFile(stream)
        if not pc.any(_is_of(file.read(columns=["run_id"]), run_id)).as_py():
            return 0
        before = file.read()
    mine = before.filter(_is_of(before, run_id))
    places = set(_places(mine, order))
    anew = rows.filter(pa.array([place in places for place in _places(rows, order)], pa.bool_()))
    others = before.filter(pc.invert(_is_of(before, run_id)))
    table = pa.concat_tables([others, anew.cast(before.schema)])
    _write(lake, key, folder, table.take(pc.sort_indices(table, [(name, "ascending") for name in order])))
    return 1


def _rewrite_run(source: Source, lake: Lake, run_id: str, position: int) -> int:
    key = f"runs/runs{_SUFFIX}"
    if lake.place.size(key) is None:
        return 0
    with lake.place.open(key) as stream:
        before = pq.ParquetFile(stream).read()
    place = pc.index(before.column("run_id"), run_id).as_py()
    if place < 0:
        return 0
    was = before.slice(place, 1).to_pylist()[0]
    state: dict[str, Any] = {}
    for event in known_of_run(source.feed, run_id, position):
        apply_event(state, event)
    row = {**state, "run_id": run_id, "run_number": was["run_number"], "metrics": dict(was["metrics"])}
    anew = pa.Table.from_batches([runs_batch([row])]).cast(before.schema)
    _write(lake, key, "runs", pa.concat_tables([before.slice(0, place), anew, before.slice(place + 1)]))
    return 1


def _write(lake: Lake, key: str, folder: str, table: pa.Table) -> None:
    with lake.file(key, TABLES[folder], even_empty=True) as file:
        for batch in table.to_batches():
            file.write(batch)


def _places(table: pa.Table, order: tuple[str, ...]) -> list[tuple[int, ...]]:
    return list(zip(*(table.column(name).to_pylist() for name in order), strict=True))


def _is_of(table: pa.Table, run_id: str) -> Any:
    return pc.fill_null(pc.equal(table.column("run_id"), run_id), False)
