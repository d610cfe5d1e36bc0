"""From batches of logged values to columns, a point a row."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import pyarrow as pa

from ledger.store.tables import offset_of, partition_of
from projections.analytics.cells import EXACT, number_of, text_of
from projections.analytics.columns import CLAIMED, COUNT, METRICS, NUMBER, PARTITION, RECORDED, TEXT
from projections.analytics.experiments import Experiments, from_value
from schemas.events import RunLoggedEvent
from schemas.registry import decode
from schemas.streams import key_of, run_stream

_LATEST = 253_402_300_800_000_000
_FLOATS = frozenset({float, type(None)})


class MetricsBatch(NamedTuple):
    """Points as columns, and how many batches this program could not read."""

    points: pa.RecordBatch
    skipped: int


def metrics_batch(rows: Sequence[tuple[Any, ...]], experiments: Experiments, only: str | None = None) -> MetricsBatch:
    """Rows of `Database.plain_events` of `run.logged` as columns; `only` are the points of one experiment."""
    points = _Points()
    skipped = 0
    for place, stream, _, _, _, type_name, _, _, value, recorded_at in rows:
        run_id = key_of(stream)
        experiment = experiments.of(run_stream(run_id))
        if only is not None and experiment != only:
            continue
        batch = _read(type_name, value)
        if batch is None:
            skipped += 1
            continue
        points.begin(_Batch(run_id, experiment, str(batch["writer"]), place, recorded_at))
        for series in batch.get("series", ()):
            points.add(series)
    return MetricsBatch(points.columns(), skipped)


class _Batch(NamedTuple):
    """What all points of a batch share."""

    run_id: str
    experiment: str | None
    writer: str
    place: int
    recorded_at: int


class _Points:
    """Columns that grow: what many points share is kept once, and their number with each point."""

    def __init__(self) -> None:
        self._batches: list[_Batch] = []
        self._series: list[tuple[str, str | None, str]] = []
        self._of_batch, self._of_series = array("i"), array("i")
        self._index: list[int] = []
        self._times: list[int] = []
        self._steps: list[int | None] = []
        self._values: list[float | None] = []
        self._texts: list[str | None] = []

    def begin(self, batch: _Batch) -> None:
        self._batches.append(batch)

    def add(self, series: Mapping[str, Any]) -> None:
        index = series["index"]
        if series.get("columns") is None:
            self._add(series, None, series["values"], index)
        else:
            for name, cells in series["columns"].items():
                self._add(series, name, cells, index)

    def _add(self, series: Mapping[str, Any], column: str | None, cells: list[Any], index: list[int]) -> None:
        count = len(index)
        self._of_batch.extend(repeat(len(self._batches) - 1, count))
        self._of_series.extend(repeat(len(self._series), count))
        self._series.append((series["name"], column, series["kind"]))
        self._index += index
        self._times += series["times"]
        self._steps += series.get("steps") or repeat(None, count)
        self._add_cells(cells)

    def _add_cells(self, cells: list[Any]) -> None:
        kinds = set(map(type, cells))
        if kinds <= _FLOATS or (kinds == {int} and min(cells) >= -EXACT and max(cells) <= EXACT):
            self._values += cells
            self._texts += repeat(None, len(cells))
        else:
            self._values += map(number_of, cells)
            self._texts += map(text_of, cells)

    def columns(self) -> pa.RecordBatch:
        of_batch, of_series = _numbers(self._of_batch), _numbers(self._of_series)
        shared, named = self._batches, self._series
        return pa.RecordBatch.from_arrays(
            [
                _spread((each.run_id for each in shared), TEXT, of_batch),
                _spread((each.experiment for each in shared), TEXT, of_batch),
                _spread((name for name, _, _ in named), TEXT, of_series),
                _spread((column for _, column, _ in named), TEXT, of_series),
                _spread((kind for _, _, kind in named), TEXT, of_series),
                pa.array(self._steps, COUNT),
                pa.array(self._values, NUMBER),
                pa.array(self._texts, TEXT),
                pa.array(self._times, COUNT).cast(CLAIMED),
                _spread((each.recorded_at for each in shared), COUNT, of_batch).cast(RECORDED),
                _spread((each.writer for each in shared), TEXT, of_batch),
                pa.array(self._index, COUNT),
                _spread((partition_of(each.place) for each in shared), PARTITION, of_batch),
                _spread((offset_of(each.place) for each in shared), COUNT, of_batch),
            ],
            schema=METRICS,
        )


def _numbers(column: "array[int]") -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(column), [None, pa.py_buffer(column)])


def _spread(values: Iterable[Any], kind: pa.DataType, numbers: pa.Array) -> pa.Array:
    """What points share, once for each of them."""
    return pa.array(list(values), kind).take(numbers)


def _read(type_name: str, value: bytes) -> Mapping[str, Any] | None:
    """The JSON of a batch whose columns fit together; None for what this program cannot read."""
    if type_name == RunLoggedEvent.type_name():
        batch = from_value(value)
        if isinstance(batch, dict) and _fits(batch):
            return batch
    # Seldom: the model of the event has the last word.
    event = decode(type_name, value)
    return event.model_dump(mode="json") if isinstance(event, RunLoggedEvent) else None


def _fits(batch: Mapping[str, Any]) -> bool:
    try:
        return isinstance(batch["writer"], str) and all(map(_is_series, batch.get("series", ())))
    except (TypeError, KeyError, AttributeError):
        return False


def _is_series(series: Mapping[str, Any]) -> bool:
    index, steps, columns = series["index"], series.get("steps"), series.get("columns")
    lists = [series["values"]] if columns is None else [*columns.values()]
    return (
        isinstance(series["name"], str)
        and isinstance(series["kind"], str)
        and all(isinstance(each, list) and len(each) == len(index) for each in (series["times"], *lists))
        and (steps is None or (len(steps) == len(index) and _are_whole([step for step in steps if step is not None])))
        and _are_whole(index, 0)
        and _are_whole(series["times"], 0, _LATEST)
    )


def _are_whole(numbers: Sequence[Any], low: int = -(1 << 63), beyond: int = 1 << 63) -> bool:
    return not numbers or (set(map(type, numbers)) == {int} and low <= min(numbers) and max(numbers) < beyond)
