"""What tiles show beyond a summary: rows of tables, curves, figures; read for those on the page alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from ledger.artifacts.contents import Contents
from ledger.errors import ContentNotFoundError
from ledger.metrics import Series, SeriesQuery
from projections.metrics.queries import Metrics
from runledger.studio.charts.drawing import Drawing, drawing, thin
from runledger.studio.charts.figures import Drawn, Matrix, figure
from runledger.studio.charts.rows import cells
from runledger.studio.charts.tiles import Look, Tile

FIRST_ROWS = 8
"""So many of the last rows of a table are shown among the charts."""
_MOST_READ = 50_000
_FIGURE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A tile with what it shows, if it was read: rows of a table, a curve, or a figure."""

    tile: Tile
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    curve: Drawing | None = None
    matrix: Matrix | None = None
    drawings: Sequence[Drawn] = ()


def shown(
    metrics: Metrics, contents: Contents, run_id: str, tiles: Sequence[Tile], as_of: str | None = None
) -> list[Shown]:
    """Tiles with what they show, or showed; of metrics with very many rows only the tile."""
    return [_shown(metrics, contents, SeriesQuery(run_id=run_id, as_of=as_of), tile) for tile in tiles]


def _shown(metrics: Metrics, contents: Contents, query: SeriesQuery, tile: Tile) -> Shown:
    if tile.look == Look.FIGURE:
        return _figure(contents, tile)
    if tile.look not in {Look.TABLE, Look.CURVE} or tile.metric.count > _MOST_READ:
        return Shown(tile)
    series = metrics.series(replace(query, name=tile.metric.name))
    if not series:
        return Shown(tile)
    if tile.look == Look.CURVE and tile.x is not None and tile.y is not None:
        return Shown(tile, curve=curve(series[0].columns or {}, tile.x, tile.y))
    return Shown(tile, column_names(series[0]), cells(series[0])[-FIRST_ROWS:])


def column_names(series: Series) -> list[str]:
    """The columns of a series as a table; its values have none of their own."""
    return [""] if series.values is not None else list(series.columns or {})


def curve(columns: Mapping[str, Sequence[Any]], x: str, y: str) -> Drawing:
    """One column over another, in the order of logging."""
    points = [
        (float(a), float(b)) for a, b in zip(columns[x], columns[y], strict=True) if _is_number(a) and _is_number(b)
    ]
    drawn = drawing([a for a, _ in points], [b for _, b in points], x, y)
    drawn.line(thin(points))
    return drawn


def _is_number(value: object) -> bool:
    # An integer may be larger than any float.
    if isinstance(value, float):
        return isfinite(value)
    return type(value) is int and abs(value) < 1 << 1000


def _figure(contents: Contents, tile: Tile) -> Shown:
    newest = max(tile.files, key=lambda each: int(each["position"]))
    if newest["size"] > _FIGURE_BYTES:
        return Shown(tile)
    try:
        with contents.open(newest["sha256"]) as file:
            found = figure(file.read())
    except ContentNotFoundError:
        found = None
    return Shown(tile, matrix=found) if isinstance(found, Matrix) else Shown(tile, drawings=found or ())
