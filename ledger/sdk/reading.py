"""Logged values in the shapes that scripts know (parity 2.C)."""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.client import Client
from ledger.metrics import Scalar, Series, SeriesQuery, Thinned
from ledger.queries import RunQuery

Metric = Scalar | Mapping[str, Scalar]

_PAGE = 500


def metrics_of(client: Client, run_id: str, name: str | None) -> dict[str, Any]:
    """The metrics of a run by name: a value, a list, or a table by column."""
    query = SeriesQuery(run_id=run_id, name=name)
    return {series.name: _shaped(series) for series in client.series(query)}


def series_by_name(
    client: Client, run_id: str, name: str | None, first_step: int | None, last_step: int | None
) -> dict[str, Series]:
    """The points of a run by metric."""
    query = SeriesQuery(run_id=run_id, name=name, first_step=first_step, last_step=last_step)
    return {series.name: series for series in client.series(query)}


def thinned_by_name(
    client: Client, run_id: str, name: str, buckets: int, steps: tuple[int | None, int | None]
) -> list[Thinned]:
    """The points of a metric, thinned for a chart."""
    query = SeriesQuery(run_id=run_id, name=name, first_step=steps[0], last_step=steps[1])
    return list(client.thinned(query, buckets))


def descendants(client: Client, run_id: str, run_type: str | None) -> Iterator[str]:
    """The ids of a run and of all below it; with `run_type`, of those of that type."""
    waiting = [client.run(run_id)]
    while waiting:
        document = waiting.pop()
        if run_type in {None, document.get("run_type")}:
            yield str(document["run_id"])
        waiting += _children(client, document["run_id"])


def _children(client: Client, run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.runs(RunQuery(parent_run_id=run_id, include_children=True, limit=_PAGE, cursor=cursor))
        found += page.runs
        cursor = page.cursor
        if cursor is None:
            return found


def _shaped(series: Series) -> Any:
    if series.columns is not None:
        return {key: list(cells) for key, cells in series.columns.items()}
    values = list(series.values or ())
    # One call of `log` is a value; a list stays a list, however short it is.
    return values[0] if series.kind == "scalar" and len(values) == 1 else values
