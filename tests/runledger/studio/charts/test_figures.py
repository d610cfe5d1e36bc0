"""Figures that were logged as files."""

import json
from typing import Any

import pytest

from ledger.sdk import charts
from runledger.studio.charts.figures import Matrix, figure

LABELS = ["cat", "dog"]


def logged(kind: str, **data: Any) -> Any:
    return figure(charts.chart(kind, "m", data))


def test_a_confusion_matrix_is_coloured_by_its_counts() -> None:
    found = logged(charts.CONFUSION_MATRIX, class_labels=LABELS, matrix=[[9, 1], [0, 4]])
    assert found == Matrix(LABELS, [[(9, 9), (1, 1)], [(0, 0), (4, 4)]], 13 / 14)


def test_an_empty_matrix_has_no_share() -> None:
    assert logged(charts.CONFUSION_MATRIX, class_labels=LABELS, matrix=[[0, 0], [0, 0]]).right is None


def test_residuals_are_bars_with_their_numbers() -> None:
    (found,) = logged(charts.RESIDUALS, bin_edges=[0, 1, 2], bin_counts=[4, 5])
    assert len(found.drawing.bars) == 2
    assert list(found.table.rows) == [(0, 1, 4), (1, 2, 5)]


def test_predictions_have_an_ideal_and_show_how_far_they_may_be_off() -> None:
    (found,) = logged(
        charts.PREDICTIONS, bin_edges=[0, 1, 2], bin_averages=[1, 2], bin_errors=[0.5, 1], bin_counts=[3, 4]
    )
    assert [name for _, name in found.drawing.lines] == ["ideal", "average"]
    assert len(found.drawing.whiskers) == 2


def test_an_accuracy_table_is_two_drawings_with_a_line_a_class() -> None:
    tables = [[[4, 0, 5, 1], [5, 5, 0, 0], [0, 0, 5, 5]], [[1, 1, 1, 1]] * 3]
    roc, recall = logged(
        charts.ACCURACY_TABLE, class_labels=LABELS, probability_tables=tables, percentile_tables=tables,
        probability_thresholds=[0, 0.5, 1], percentile_thresholds=[0, 0.5, 1],
    )  # fmt: skip
    assert [name for _, name in roc.drawing.lines] == ["cat", "dog", "chance"]
    assert [name for _, name in recall.drawing.lines] == ["cat", "dog"]
    assert roc.table.rows[0] == ("cat", 0, 4, 0, 5, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        json.dumps({"schema_type": "residuals", "data": {"bin_edges": ["a"], "bin_counts": []}}).encode(),
        json.dumps({"schema_type": "confusion_matrix", "data": {"class_labels": ["a", "b"], "matrix": [[1]]}}).encode(),
        json.dumps({"schema_type": "confusion_matrix", "data": {"class_labels": ["a"], "matrix": "text"}}).encode(),
    ],
)
def test_what_is_no_figure_is_none(content: bytes) -> None:
    assert figure(content) is None
