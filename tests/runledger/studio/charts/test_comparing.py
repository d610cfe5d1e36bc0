"""One number of each run over another."""

from typing import Any

from ledger.metrics import Scalar
from runledger.studio.charts.comparing import labels_of, scatter


def run(run_id: str, name: str = "same", **parameters: Any) -> dict[str, Any]:
    return {"run_id": run_id, "name": name, "parameters": parameters}


RUNS = [run("r1", lr=0.1, optimizer="adam"), run("r2", "other", lr=0.2), run("r3")]
LAST: dict[str, dict[str, Scalar]] = {
    "r1": {"loss": 1.0, "note": "x"},
    "r2": {"loss": 2},
    "r3": {"loss": float("nan"), "best": True},
}


def test_runs_of_one_name_are_told_apart() -> None:
    assert labels_of(RUNS) == {"r1": "same (r1)", "r2": "other", "r3": "same (r3)"}


def test_a_parameter_and_a_metric_are_drawn_at_first() -> None:
    found = scatter(RUNS, LAST)
    assert found.choices == ["metric.loss", "parameter.lr"]
    assert (found.x, found.y) == ("parameter.lr", "metric.loss")
    assert [(each["run_id"], x, y) for each, x, y in found.rows] == [("r1", 0.1, 1.0), ("r2", 0.2, 2.0)]
    assert found.drawn is not None
    assert [address for *_, address in found.drawn.dots] == ["/runs/r1", "/runs/r2"]


def test_what_is_chosen_is_drawn_and_what_is_not_there_is_not() -> None:
    assert scatter(RUNS, LAST, "metric.loss", "nonsense").x == "metric.loss"
    assert scatter([run("r3")], {}).drawn is None
    assert scatter(RUNS[2:], {"r3": {"loss": 1.0}}).choices == []  # nothing to draw it over
