"""Figures that were logged as files: a confusion matrix, tables of accuracy, residuals, predictions (parity 2.C)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from runledger.studio.charts.drawing import Drawing, Point, drawing

_LEVELS = 9


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix: rows of (count, level of colour from 0 to 9), a row a true class."""

    labels: Sequence[str]
    rows: Sequence[Sequence[tuple[float, int]]]
    right: float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers as rows, for whoever does not see the drawing."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawing with the numbers that it is made of."""

    drawing: Drawing
    table: Table
    title: str = ""


def figure(content: bytes) -> Matrix | list[Drawn] | None:
    """What a file shows; None for one that is no such figure."""
    try:
        document = json.loads(content)
        data = document["data"]
        found: Matrix | list[Drawn] = _MADE[document["schema_type"]](data)
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError, OverflowError):
        # Whoever sends events by himself may have stored anything under that kind.
        return None
    return found


def _matrix(data: Any) -> Matrix:
    labels, matrix = [str(label) for label in data["class_labels"]], data["matrix"]
    most = max((count for row in matrix for count in row), default=0)
    rows = [[(count, round(_LEVELS * count / most) if most > 0 else 0) for count in row] for row in matrix]
    total = sum(map(sum, matrix))
    right = sum(matrix[place][place] for place in range(len(labels)))
    return Matrix(labels, rows, right / total if total else None)


def _residuals(data: Any) -> list[Drawn]:
    edges, counts = data["bin_edges"], data["bin_counts"]
    drawn = drawing(edges, [0, *counts], "residual", "count")
    rows = [(start, end, count) for (start, end), count in zip(pairwise(edges), counts, strict=True)]
    for start, end, count in rows:
        drawn.bar(start, end, count, f"{start:g} to {end:g}: {count:g}")
    return [Drawn(drawn, Table(("from", "to", "count"), rows))]


def _predictions(data: Any) -> list[Drawn]:
    edges, averages, errors = data["bin_edges"], data["bin_averages"], data["bin_errors"]
    bins = list(zip(pairwise(edges), averages, errors, data["bin_counts"], strict=True))
    reach = [average + sign * error for _, average, error, _ in bins for sign in (-1, 1)]
    drawn = drawing(edges, [*edges, *reach], "true value", "predicted value")
    drawn.line([(edges[0], edges[0]), (edges[-1], edges[-1])], "ideal")
    drawn.line([((start + end) / 2, average) for (start, end), average, _, _ in bins], "average")
    for (start, end), average, error, _ in bins:
        drawn.whisker((start + end) / 2, average - error, average + error)
    rows = [(start, end, average, error, count) for (start, end), average, error, count in bins]
    return [Drawn(drawn, Table(("from", "to", "average", "error", "count"), rows))]


def _accuracy(data: Any) -> list[Drawn]:
    labels, tables = [str(label) for label in data["class_labels"]], data["probability_tables"]
    thresholds = data["probability_thresholds"]
    roc, recall = _unit("false positive rate", "true positive rate"), _unit("recall", "precision")
    for label, table in zip(labels, tables, strict=True):
        roc.line(sorted(_rate(row) for row in table), label)
        recall.line(sorted(_precision(row) for row in table if row[0] + row[1]), label)
    roc.line([(0, 0), (1, 1)], "chance")
    rows = [
        (label, threshold, *row)
        for label, table in zip(labels, tables, strict=True)
        for threshold, row in zip(thresholds, table, strict=True)
    ]
    numbers = Table(("class", "threshold", "TP", "FP", "TN", "FN"), rows)
    return [Drawn(roc, numbers, "ROC"), Drawn(recall, numbers, "Precision and recall")]


def _unit(x_name: str, y_name: str) -> Drawing:
    return drawing([0, 1], [0, 1], x_name, y_name)


def _rate(row: Sequence[float]) -> Point:
    right, false, absent, missed = row
    return _part(false, false + absent), _part(right, right + missed)


def _precision(row: Sequence[float]) -> Point:
    right, false, _, missed = row
    return _part(right, right + missed), _part(right, right + false)


def _part(count: float, whole: float) -> float:
    return count / whole if whole else 0.0


_MADE: dict[str, Callable[[Any], Matrix | list[Drawn]]] = {
    "confusion_matrix": _matrix,
    "residuals": _residuals,
    "predictions": _predictions,
    "accuracy_table": _accuracy,
}
