"""How metrics are shown."""

from collections.abc import Mapping
from typing import Any

import pytest

from ledger.metrics import MetricSummary, Scalar
from runledger.studio.charts.tiles import Look, images_of, tiles


def metric(last: Scalar | Mapping[str, Scalar], count: int = 2, minimum: float | None = None) -> MetricSummary:
    return MetricSummary("m", "scalar", count, last, None, None, minimum, minimum)


def file(kind: str, name: str = "f", position: int = 1) -> dict[str, Any]:
    return {"name": name, "metric": "m", "kind": kind, "position": position}


@pytest.mark.parametrize(
    ("given", "look"),
    [
        (metric(0.5, 1, 0.5), Look.VALUE),
        (metric("done", 1), Look.VALUE),
        (metric(0.5, 2, 0.1), Look.LINES),
        (metric("warm", 3), Look.TABLE),
        (metric({"angle": 1.0, "cos": 2}, 20), Look.CURVE),
        (metric({"angle": 1.0, "cos": 2}, 1), Look.TABLE),
        (metric({"a": 1.0, "b": 2, "c": 3}, 20), Look.LINES),
        (metric({"label": "cat", "f1": 2}, 20), Look.TABLE),
        (metric({"flag": True, "f1": 2}, 20), Look.TABLE),
    ],
)
def test_a_metric_is_shown_by_what_was_logged(given: MetricSummary, look: Look) -> None:
    assert [tile.look for tile in tiles([given], [])] == [look]


@pytest.mark.parametrize(("kind", "look"), [("image", Look.IMAGE), ("residuals", Look.FIGURE)])
def test_a_metric_with_a_file_is_shown_by_its_kind(kind: str, look: Look) -> None:
    (tile,) = tiles([metric("f", 1)], [file(kind), {"name": "outputs/x"}])
    assert (tile.look, [each["kind"] for each in tile.files]) == (look, [kind])


def test_images_are_in_the_order_of_logging() -> None:
    found = images_of([file("image", "b", 2), file("image", "a", 1), file("residuals", "c", 3)])
    assert {metric: [each["name"] for each in files] for metric, files in found.items()} == {"m": ["a", "b"]}
