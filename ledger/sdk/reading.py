"""Logged values in the shapes that scripts know (parity 2.C)."""

from collections.abc import Mapping
from typing import Any

from ledger.client import Client
from ledger.metrics import Scalar, Series, SeriesQuery, Thinned
from ledger.queries import RunQuery
from ledger.sdk.tree import below

Metric = Scalar | Mapping[str, Scalar]


Steps = tuple[int | None, int | None]
"""The first and the last, both included."""


def metrics_of(client: Client, run_id: str, name: str | None, as_of: str | None) -> dict[str, Any]:
    """The metrics of a run by name: a value, a list, or a table by column."""
    query = SeriesQuery(run_id=run_id, name=_kept(name), as_of=as_of)
    return {series.name: _shaped(series) for series in client.series(query)}


def series_by_name(client: Client, run_id: str, name: str | None, steps: Steps, as_of: str | None) -> dict[str, Series]:
    """The points of a run by metric."""
    query = SeriesQuery(run_id=run_id, name=_kept(name), first_step=steps[0], last_step=steps[1], as_of=as_of)
    return {series.name: series for series in client.series(query)}


def thinned_by_name(
    client: Client, run_id: str, name: str, buckets: int, steps: Steps, as_of: str | None
) -> list[Thinned]:
    """The points of a metric, thinned for a chart."""
    query = SeriesQuery(run_id=run_id, name=_kept(name), first_step=steps[0], last_step=steps[1], as_of=as_of)
    return list(client.thinned(query, buckets))


def metrics_of_tree(
    client: Client, run_id: str, run_type: str | None, name: str | None, as_of: str | None
) -> dict[str, dict[str, Any]]:
    """The metrics of a run and of all below it by run id; with `run_type`, of those of that type."""
    top = client.run(run_id) if as_of is None else client.run_at(run_id, as_of)
    runs = [run_id] if run_type in {None, top.get("run_type")} else []
    under = below(client, run_id, top.get("root_run_id", run_id), RunQuery(run_type=run_type, as_of=as_of))
    runs += [document["run_id"] for document in under]
    found = client.series_of(runs, _kept(name), as_of)
    return {run_id: {series.name: _shaped(series) for series in found[run_id]} for run_id in runs if found[run_id]}


def _kept(name: str | None) -> str | None:
    """A name as it was kept: without the spaces around it, which some scripts log by."""
    return name if name is None else name.strip()


def _shaped(series: Series) -> Any:
    if series.columns is not None:
        return {key: list(cells) for key, cells in series.columns.items()}
    values = list(series.values or ())
    # One call of `log` is a value; a list stays a list, however short it is.
    return values[0] if series.kind == "scalar" and len(values) == 1 else values
