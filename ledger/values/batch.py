"""A batch of logged points on its way to the values log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SeriesJson = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that one writer logged from journal index `first` to `last`.

    `series` has the form of `RunLoggedEvent.series` as JSON (schemas/published). `occurred_at` is
    the time of the last point in microseconds since 1970 UTC.
    """

    run_id: str
    writer: str
    first: int
    last: int
    series: Sequence[SeriesJson]
    occurred_at: int
