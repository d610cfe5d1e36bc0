"""From the states of runs to columns."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from projections.analytics.columns import RUNS

Row = Mapping[str, Any]
"""The state of a run with its id, its number, and its last metrics."""


def runs_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows of runs as columns."""
    return pa.RecordBatch.from_arrays([_column(rows, field) for field in RUNS], schema=RUNS)


def _column(rows: Sequence[Row], field: pa.Field) -> pa.Array:
    if pa.types.is_map(field.type):
        return _maps([row[field.name] for row in rows], field.type)
    cell = _CELLS.get(field.name)
    cells = [row.get(field.name) for row in rows] if cell is None else list(map(cell, rows))
    return pa.array(cells, field.type)


def _maps(cells: Sequence[Mapping[str, Any]], kind: pa.MapType) -> pa.Array:
    starts = pa.array(accumulate(map(len, cells), initial=0), pa.int32())
    items: list[Any] = list(chain.from_iterable(cell.values() for cell in cells))
    if kind.item_type == pa.string():
        items = [item if item is None or type(item) is str else json.dumps(item) for item in items]
    keys = pa.array(chain.from_iterable(cells), pa.string())
    return pa.MapArray.from_arrays(starts, keys, pa.array(items, kind.item_type), kind)


def _duration(row: Row) -> float | None:
    return (row["ended"] - row.get("started", row["created"])) / 1e6 if "ended" in row else None


_CELLS: Mapping[str, Callable[[Row], Any]] = MappingProxyType(
    {
        "name": lambda row: row.get("display_name", row["run_id"]),
        "presumed": lambda row: bool(row.get("presumed")),
        "archived": lambda row: bool(row.get("archived")),
        "error_code": lambda row: (row.get("error") or {}).get("code"),
        "error_message": lambda row: (row.get("error") or {}).get("message"),
        "created_at": lambda row: row["created"],
        "started_at": lambda row: row.get("started"),
        "ended_at": lambda row: row.get("ended"),
        "duration_seconds": _duration,
    }
)
"""The columns that a state has by another name, or not as such."""
