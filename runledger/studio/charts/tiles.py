"""How each metric of a run is shown: by what was logged, and by which call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.metrics import MetricSummary
from ledger.queries import ArtifactDocument

FIGURES = frozenset({"confusion_matrix", "accuracy_table", "residuals", "predictions"})
"""Kinds of files that hold the numbers of a figure."""
IMAGE = "image"
_PAIR = 2


class Look(StrEnum):
    """What a metric is drawn as."""

    VALUE = "value"
    LINES = "lines"
    CURVE = "curve"
    TABLE = "table"
    FIGURE = "figure"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Tile:
    """A metric, and what it is drawn as; `files` are those that were logged with it, `x` and `y` columns of a curve."""

    metric: MetricSummary
    look: Look
    files: Sequence[ArtifactDocument] = ()
    x: str | None = None
    y: str | None = None


def tiles(metrics: Sequence[MetricSummary], artifacts: Sequence[ArtifactDocument]) -> list[Tile]:
    """A tile a metric, in their order."""
    files: dict[str, list[ArtifactDocument]] = {}
    for each in artifacts:
        if "metric" in each:
            files.setdefault(each["metric"], []).append(each)
    return [_tile(metric, files.get(metric.name, ())) for metric in metrics]


def images_of(artifacts: Sequence[ArtifactDocument]) -> Mapping[str, Sequence[ArtifactDocument]]:
    """The images that were logged, by metric, each in the order of logging."""
    found: dict[str, list[ArtifactDocument]] = {}
    for each in sorted(artifacts, key=lambda each: int(each["position"])):
        if each.get("kind") == IMAGE:
            found.setdefault(each["metric"], []).append(each)
    return found


def _tile(metric: MetricSummary, files: Sequence[ArtifactDocument]) -> Tile:
    kinds = {each.get("kind") for each in files}
    if IMAGE in kinds:
        return Tile(metric, Look.IMAGE, files)
    if kinds & FIGURES:
        return Tile(metric, Look.FIGURE, files)
    if isinstance(metric.last, Mapping):
        return _of_rows(metric, metric.last)
    if metric.count == 1:
        return Tile(metric, Look.VALUE)
    return Tile(metric, Look.TABLE if metric.minimum is None else Look.LINES)


def _of_rows(metric: MetricSummary, last: Mapping[str, object]) -> Tile:
    numeric = [name for name, cell in last.items() if isinstance(cell, int | float) and not isinstance(cell, bool)]
    if metric.count > 1 and len(last) == _PAIR == len(numeric):
        # Two numeric columns are a line of one over the other (parity C9).
        return Tile(metric, Look.CURVE, x=numeric[0], y=numeric[1])
    if metric.count > 1 and numeric and len(numeric) == len(last):
        return Tile(metric, Look.LINES)
    return Tile(metric, Look.TABLE)
