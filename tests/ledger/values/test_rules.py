"""What may be logged, and the form it is kept in (parity 2.C)."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ledger.errors import BadValueError, LimitExceededError
from ledger.values import rules
from schemas.limits import Limits

LIMITS = Limits()


class Tensor:
    """As much of a torch tensor as matters: it has a shape, and its one element by `item()`."""

    def __init__(self, value: float, shape: tuple[int, ...] = ()) -> None:
        self.value, self.shape = value, shape

    def item(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1, 1), (True, True), (None, None), ("x", "x"), (2.5, 2.5), (math.inf, math.inf),
        (10**400, 10**400), (Fraction(1, 2), 0.5), (Decimal("0.1"), 0.1),
        (np.int64(7), 7), (np.uint64(2**63), 2**63), (np.float32(0.5), 0.5), (np.float64(1.5), 1.5),
        (np.bool_(True), True), (np.str_("s"), "s"), (np.array(3.0), 3.0), (np.array([4]), 4),
        (Tensor(0.25), 0.25), (Tensor(0.25, (1, 1)), 0.25),
        ({"a": 1}, "{'a': 1}"), ((1, 2), "(1, 2)"), (np.array([1, 2]), "array([1, 2])"),
        ("half \ud800 a pair", "half \ufffd a pair"), ("nul\x00", "nul\ufffd"),
    ],
)  # fmt: skip
def test_a_value_is_kept_as_what_it_is(given: object, kept: object) -> None:
    found = rules.scalar("m", given, LIMITS)
    assert (found, type(found)) == (kept, type(kept))


def test_nan_is_kept() -> None:
    found = rules.scalar("m", np.float32("nan"), LIMITS)
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize("given", [[1, 2], range(3), (n for n in [1]), iter([1])])
def test_a_list_is_told_to_use_log_list(given: object) -> None:
    with pytest.raises(BadValueError, match="use log_list"):
        rules.scalar("m", given, LIMITS)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], []), ([5], [5]), ([1, 2.5, "a", None], [1, 2.5, "a", None]), (range(3), [0, 1, 2]),
        ((n * n for n in range(3)), [0, 1, 4]), ((1, 2), [1, 2]), (np.arange(3), [0, 1, 2]),
        (np.array([0.5, 1.5], dtype=np.float32), [0.5, 1.5]), ([np.int64(1), Tensor(2.0)], [1, 2.0]),
    ],
)  # fmt: skip
def test_a_list_is_kept_whatever_made_it(given: object, kept: list[object]) -> None:
    found = rules.listed("m", given, LIMITS)
    assert found == kept
    assert list(map(type, found)) == list(map(type, kept))


@pytest.mark.parametrize("given", [5, "text", None, {"a": 1}, [[1], [2]], [{"a": 1}], b"12"])
def test_what_is_no_list_of_values_is_refused(given: object) -> None:
    with pytest.raises(BadValueError):
        rules.listed("m", given, LIMITS)


def test_a_row_has_single_values() -> None:
    assert rules.row("r", {"x": np.int32(1), " y ": 0.5}, LIMITS) == {"x": 1, "y": 0.5}
    with pytest.raises(BadValueError, match="Rows cannot contain list values: column x"):
        rules.row("r", {"x": [1, 2]}, LIMITS)
    with pytest.raises(BadValueError, match="no columns"):
        rules.row("r", {}, LIMITS)


def test_a_table_has_columns_of_one_length() -> None:
    assert rules.table("t", {"x": [1, 2], "y": np.array([3, 4])}, LIMITS) == {"x": [1, 2], "y": [3, 4]}
    assert rules.table("t", {"x": 1, "y": "a"}, LIMITS) == {"x": [1], "y": ["a"]}
    with pytest.raises(BadValueError, match="column x has 2 and column y has 1"):
        rules.table("t", {"x": [1, 2], "y": [1]}, LIMITS)
    wrong: list[object] = [[1, 2], {}, None, "x"]
    for given in wrong:
        with pytest.raises(BadValueError, match="needs a mapping"):
            rules.table("t", given, LIMITS)


@pytest.mark.parametrize(("given", "kept"), [(" loss ", "loss"), ("Zażółć gęślą", "Zażółć gęślą"), ("a b", "a b")])
def test_a_name_is_trimmed(given: str, kept: str) -> None:
    assert rules.metric_name(given, LIMITS) == kept


@pytest.mark.parametrize("given", ["", "  ", None, 5, "a\nb", "a\x00b", "a\ud800b"])
def test_a_name_that_cannot_be_shown_is_refused(given: object) -> None:
    with pytest.raises(BadValueError):
        rules.metric_name(given, LIMITS)


@pytest.mark.parametrize(("given", "kept"), [(None, None), (3, 3), (np.int64(3), 3), (3.0, 3), (True, 1), (-5, -5)])
def test_a_step_is_a_whole_number(given: Any, kept: int | None) -> None:
    assert rules.step_of(given) == kept


@pytest.mark.parametrize("given", [1.5, "3", [1], 2**63, float("nan"), float("inf")])
def test_what_is_no_step_is_refused(given: object) -> None:
    with pytest.raises(BadValueError):
        rules.step_of(given)


def test_what_is_too_long_exceeds_a_limit() -> None:
    small = Limits(column_value_length=3, metric_name_length=3, columns=1)
    with pytest.raises(LimitExceededError):
        rules.scalar("m", "long", small)
    with pytest.raises(LimitExceededError):
        rules.metric_name("long", small)
    with pytest.raises(LimitExceededError):
        rules.row("r", {"a": 1, "b": 2}, small)
    with pytest.raises(LimitExceededError):
        rules.scalar("m", 10**5000, LIMITS)


def test_parameters_keep_their_type() -> None:
    assert rules.parameter("lr", np.float64(0.1), LIMITS) == 0.1
    assert rules.parameter("layers", [1, 2], LIMITS) == "[1, 2]"
