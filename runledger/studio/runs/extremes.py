"""Columns of the smallest and the largest value of a metric (parity C9), for the runs on a page."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.metrics import Scalar
from projections.metrics.queries import Metrics

KINDS = ("min", "max")
"""What stands before the metric in the name of such a column, as in `min.loss`."""


class Extremes(NamedTuple):
    """The smallest and the largest number that was logged, where there is one."""

    min: Scalar | None
    max: Scalar | None


def metrics_in(columns: Sequence[str]) -> list[str]:
    """The metrics whose extremes are shown."""
    parted = (column.partition(".") for column in columns)
    return list(dict.fromkeys(name for kind, _, name in parted if kind in KINDS and name))


def extremes_of(
    metrics: Metrics, run_ids: Sequence[str], names: Sequence[str], as_of: str | None = None
) -> Mapping[str, Mapping[str, Extremes]]:
    """By run, then by metric."""
    if not names:
        return {}
    return {
        run_id: {each.name: Extremes(each.minimum, each.maximum) for each in metrics.named(run_id, names, as_of)}
        for run_id in run_ids
    }
