"""A batch of logged points on its way to the values log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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


def halves(batch: Batch) -> tuple[Batch, Batch] | None:
    """A batch as two that follow each other, with half of its calls each; None if it holds a single one.

    All points of one call share a journal index, so they stay together.
    """
    calls = sorted({index for series in batch.series for index in series["index"]})
    if len(calls) < _TWO:
        return None
    middle = calls[len(calls) // 2 - 1]
    early = [part for each in batch.series if (part := _part(each, lambda index: index <= middle, whole=True))]
    late = [part for each in batch.series if (part := _part(each, lambda index: index > middle))]
    time = max((time for each in early for time in each["times"]), default=batch.occurred_at)
    return (
        replace(batch, last=middle, series=early, occurred_at=time),
        replace(batch, first=middle + 1, series=late),
    )


_TWO = 2
_COLUMNS = ("index", "times", "steps", "values")


def _part(series: SeriesJson, wanted: Callable[[int], bool], *, whole: bool = False) -> SeriesJson | None:
    """The points of a series with such an index, or None if it has none; with `whole` also one without points."""
    places = [place for place, index in enumerate(series["index"]) if wanted(index)]
    if not places and (series["index"] or not whole):
        return None
    part = {**series}
    for name in _COLUMNS:
        if series.get(name) is not None:
            part[name] = [series[name][place] for place in places]
    if series.get("columns") is not None:
        part["columns"] = {key: [cells[place] for place in places] for key, cells in series["columns"].items()}
    return part
