"""Logged values: what is stored, what comes back, what is refused (parity 2.C, with the defects of section 7 cured)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runledger import AzureMLException, Experiment, Run, UserErrorException

Logging = Callable[[Run], object]


@pytest.fixture
def run(anywhere: Experiment) -> Run:
    return anywhere.start_logging(snapshot_directory=None)


def twice(run: Run) -> None:
    run.log_list("a", [0, 1, 1])
    run.log_list("a", (number for number in (2, 3)))


def rows(run: Run) -> None:
    run.log_row("a", x=1, y=0.4)
    run.log_row("a", x=2, y=0.5)


def scalars(run: Run) -> None:
    run.log("a", 1)
    run.log("a", 2.5)


RETURNED: list[tuple[str, Logging, Any]] = [
    ("one value", lambda run: run.log("a", 1), 1),
    ("two values", scalars, [1, 2.5]),
    ("text", lambda run: run.log("a", "x"), "x"),
    ("a bool", lambda run: run.log("a", True), True),
    ("none, which vanishes there", lambda run: run.log("a", None), None),
    ("infinity", lambda run: run.log("a", math.inf), math.inf),
    ("a 64-bit integer of numpy, a text there", lambda run: run.log("a", np.int64(7)), 7),
    ("a float of numpy", lambda run: run.log("a", np.float32(0.5)), 0.5),
    ("a description", lambda run: run.log("a", 1, description="why"), 1),
    ("a list and a generator", twice, [0, 1, 1, 2, 3]),
    ("a list of one, a scalar there", lambda run: run.log_list("a", [5]), [5]),
    ("an empty list, which crashes there", lambda run: run.log_list("a", []), []),
    ("a mixed list, which spoils the run there", lambda run: run.log_list("a", [1, 2.5, "a"]), [1, 2.5, "a"]),
    ("a row, scalars there", lambda run: run.log_row("a", x=1, y=0.4), {"x": [1], "y": [0.4]}),
    ("rows", rows, {"x": [1, 2], "y": [0.4, 0.5]}),
    ("a column called step", lambda run: run.log_row("a", step=3, x=1), {"step": [3], "x": [1]}),
    ("a table", lambda run: run.log_table("a", {"x": [1, 2], "y": [3, 4]}), {"x": [1, 2], "y": [3, 4]}),
    ("a table of single values", lambda run: run.log_table("a", {"x": 1, "y": 2}), {"x": [1], "y": [2]}),
]
REFUSED: list[tuple[str, Logging, str]] = [
    ("a list", lambda run: run.log("a", [1, 2]), "log_list"),
    ("a range", lambda run: run.log("a", range(3)), "log_list"),
    ("a generator", lambda run: run.log("a", (n for n in (1, 2))), "log_list"),
    ("a list in a list", lambda run: run.log_list("a", [[1], [2]]), "a"),
    ("a list in a row", lambda run: run.log_row("a", x=[1, 2]), "x"),
    ("columns of two lengths", lambda run: run.log_table("a", {"x": [1, 2], "y": [1]}), "x.*2.*y.*1"),
    ("a table that is a list", lambda run: run.log_table("a", [1]), "columns"),  # type: ignore[arg-type]
    ("a table without columns", lambda run: run.log_table("a", {}), "column"),
    ("a row without columns", lambda run: run.log_row("a"), "column"),
    ("no name", lambda run: run.log(" ", 1), "name"),
]


@pytest.mark.parametrize(("log", "returned"), [row[1:] for row in RETURNED], ids=[row[0] for row in RETURNED])
def test_2c_values_come_back(run: Run, log: Logging, returned: Any) -> None:
    """A scalar logged once is a value, more often a list; a list stays a list, rows and tables stay columns."""
    log(run)

    assert run.get_metrics() == {"a": returned}
    assert type(run.get_metrics("a")["a"]) is type(returned)


@pytest.mark.parametrize(("log", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_2c_what_is_no_value_is_refused_at_once(run: Run, log: Logging, says: str) -> None:
    """The call that is wrong raises, by the names that scripts catch; nothing else of the run is lost by it."""
    run.log("b", 1)
    with pytest.raises(UserErrorException, match=says) as refused:
        log(run)

    assert isinstance(refused.value, AzureMLException)
    assert run.get_metrics() == {"b": 1}


def test_2c_metrics_are_asked_for_by_name_and_over_a_tree(run: Run) -> None:
    """`get_metrics(name=)`, `{}` for an unknown one, and by run id over the subtree, runs without metrics left out."""
    run.log("a", 1)
    run.log("b", math.nan)
    child, silent = run.child_run(), run.child_run()
    child.log("a", 2)
    child.flush()

    assert run.get_metrics(name="a") == {"a": 1}
    assert run.get_metrics(name="unknown") == silent.get_metrics() == {}
    assert math.isnan(run.get_metrics("b")["b"])
    assert run.get_metrics("a", recursive=True) == {run.id: {"a": 1}, child.id: {"a": 2}}
    assert run.get_metrics(recursive=True, run_type="other") == {}


def test_2c_steps_can_be_read_back(run: Run) -> None:
    """`log(step=)` is kept with its point, where the original returns it to nobody; a row's column `step` too."""
    for step in (10, 20):
        run.log("a", step / 10, step=step)
        run.log_row("r", step=step, x=1)

    assert list(run.get_series("a")["a"].steps) == list(run.get_series("r")["r"].steps) == [10, 20]
