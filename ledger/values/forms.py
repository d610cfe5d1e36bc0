"""Logged values, and answers about them, as plain JSON and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

from ledger.metrics import Bucket, MetricSummary, Scalar, Series, Thinned

Json = dict[str, Any]

NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""The floats that JSON has no word for, by the names that stand for them."""


def spelled(value: Scalar) -> Any:
    """A value as plain JSON: a float that is not finite becomes `{"$float": "NaN"}` and the like."""
    if isinstance(value, float) and not isfinite(value):
        return {"$float": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}  # noqa: PLR0124
    return value


def spelled_all(values: Sequence[Scalar]) -> list[Any]:
    """Values as plain JSON."""
    return [spelled(value) if type(value) is float else value for value in values]


def read(value: Any) -> Scalar:
    """A value from its plain JSON."""
    found: Scalar = NON_FINITE[value["$float"]] if isinstance(value, dict) else value
    return found


def series_to(series: Series) -> Json:
    """Points as plain JSON."""
    columns = series.columns and {key: spelled_all(cells) for key, cells in series.columns.items()}
    values = None if series.values is None else spelled_all(series.values)
    return _shallow(series) | {"values": values, "columns": columns}


def series_from(content: Json) -> Series:
    """Points from their JSON."""
    values, columns = content["values"], content["columns"]
    return Series(
        **content
        | {
            "values": None if values is None else [read(value) for value in values],
            "columns": columns and {key: [read(cell) for cell in cells] for key, cells in columns.items()},
        }
    )


def summary_to(summary: MetricSummary) -> Json:
    """A metric in short as plain JSON."""
    last = summary.last
    spelled_last = {key: spelled(cell) for key, cell in last.items()} if isinstance(last, Mapping) else spelled(last)
    return _shallow(summary) | {"last": spelled_last}


def summary_from(content: Json) -> MetricSummary:
    """A metric in short from its JSON."""
    last = content["last"]
    is_row = isinstance(last, dict) and "$float" not in last
    return MetricSummary(
        **content | {"last": {key: read(cell) for key, cell in last.items()} if is_row else read(last)}
    )


def thinned_from(content: Json) -> Thinned:
    """A metric thinned for a chart from its JSON, which is `dataclasses.asdict`."""
    found = Thinned(**content)
    return replace(found, buckets=[Bucket(**bucket) for bucket in content["buckets"]])


def thinned_to(thinned: Thinned) -> Json:
    """A metric thinned for a chart as plain JSON."""
    return asdict(thinned)


def _shallow(value: Any) -> dict[str, Any]:
    # `dataclasses.asdict` would copy each of a million points.
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
