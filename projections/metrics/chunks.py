"""Chunks: points of one metric and one stream, packed into a row."""

from array import array
from itertools import chain
from typing import cast

from projections.connection import Connection
from projections.metrics import tables
from projections.metrics.packing import pack_column, unpack_column
from projections.metrics.points import Points, merged, pack_cells, unpack_cells

_FULL = 256
"""A chunk with fewer points may grow, so that a run that logs one point at a time has few of them."""

_Packed = tuple[bytes, bytes | None, bytes]


def add_points(connection: Connection, metric: int, stream: int, points: Points) -> int:
    """Store points behind those of the same metric and stream, and answer with the latest time of all."""
    chunk, count, before = connection.execute(tables.SELECT_TAIL, (metric, stream)).fetchone() or (0, _FULL, 0)
    moment = max(chain((before,), points.times))
    if count < _FULL:
        tail = _unpacked(connection.execute(tables.SELECT_CHUNK, (chunk,)).fetchone())
        tail.extend(points)
        connection.execute(tables.UPDATE_CHUNK, (len(tail), moment, *_packed(tail), chunk))
    else:
        connection.execute(tables.INSERT_CHUNK, (metric, stream, len(points), moment, *_packed(points)))
    return moment


def read_points(connection: Connection, metric: int) -> Points:
    """All points of a metric."""
    writers: dict[int, Points] = {}
    for stream, *packed in connection.execute(tables.SELECT_CHUNKS, (metric,)):
        writers.setdefault(stream, Points()).extend(_unpacked(packed))
    return merged(list(writers.values()))


def _packed(points: Points) -> _Packed:
    steps = None if points.steps is None else pack_column(points.steps)
    return pack_column(points.times), steps, pack_cells(points.cells)


def _unpacked(packed: _Packed) -> Points:
    times, steps, cells = packed
    moments = cast("array[int]", unpack_column(times))
    return Points(moments, None if steps is None else unpack_column(steps), unpack_cells(cells))
