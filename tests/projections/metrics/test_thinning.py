"""Points thinned for a chart."""

from collections.abc import Sequence
from math import inf, nan

import pytest

from ledger.errors import BadValueError
from ledger.metrics import Bucket, Scalar, SeriesQuery, Thinned
from schemas.events.values import Series
from tests.projections.metrics.conftest import RUN, Opened, rows, scalars

ALL = SeriesQuery(run_id=RUN)


def stepped(steps: Sequence[int | None], values: Sequence[Scalar]) -> Series:
    places = list(range(len(steps)))
    return Series(name="a", kind="scalar", index=places, times=places, steps=list(steps), values=list(values))


def thinned(opened: Opened, buckets: int, query: SeriesQuery = ALL) -> list[Bucket]:
    [found] = opened.metrics.thinned(query, buckets=buckets)
    return list(found.buckets)


def test_buckets_have_one_width_in_steps(opened: Opened) -> None:
    opened.log_series(scalars("a", list(range(100))))

    assert thinned(opened, 4) == [
        Bucket(0, 24, 25, 0.0, 24.0, 12.0),
        Bucket(25, 49, 25, 25.0, 49.0, 37.0),
        Bucket(50, 74, 25, 50.0, 74.0, 62.0),
        Bucket(75, 99, 25, 75.0, 99.0, 87.0),
    ]


def test_where_there_are_no_steps_there_is_no_bucket(opened: Opened) -> None:
    opened.log_series(stepped([0, 1, 2, 97, 98, 99], [1.0] * 6))

    assert [(bucket.first_step, bucket.last_step) for bucket in thinned(opened, 5)] == [(0, 2), (97, 99)]


def test_few_points_have_a_bucket_each(opened: Opened) -> None:
    opened.log_series(stepped([5, 1, 1], [1, 2.5, "text"]))

    assert thinned(opened, 3) == [
        Bucket(1, 1, 1, 2.5, 2.5, 2.5),
        Bucket(1, 1, 1, None, None, None),
        Bucket(5, 5, 1, 1.0, 1.0, 1.0),
    ]


def test_bounds_and_mean_are_of_finite_numbers_and_the_count_is_of_points(opened: Opened) -> None:
    values = [nan, 1, inf, -inf, 4.0, True, None, "9", 10**400]
    opened.log_series(stepped([0] * len(values), values))

    assert thinned(opened, 1) == [Bucket(0, 0, 9, 1.0, 4.0, 2.5)]


@pytest.mark.parametrize("values", [[1.0, nan, 3.0], [1.0, inf, 3.0], [inf, -inf, 1.0, 3.0]])
def test_floats_that_are_not_finite_are_left_out(values: list[Scalar], opened: Opened) -> None:
    opened.log_series(stepped([0] * len(values), values))

    assert thinned(opened, 1) == [Bucket(0, 0, len(values), 1.0, 3.0, 2.0)]


def test_a_sum_too_large_for_a_float_has_a_mean(opened: Opened) -> None:
    opened.log_series(stepped([0, 0, 0], [1.5e308, 1.5e308, 1.2e308]))

    [bucket] = thinned(opened, 1)

    assert bucket.mean == pytest.approx(1.4e308)


def test_large_integers_have_an_exact_sum(opened: Opened) -> None:
    opened.log_series(stepped([0, 0], [2**63 - 1, -(2**63)]))

    assert thinned(opened, 1) == [Bucket(0, 0, 2, -(2.0**63), 2.0**63, -0.5)]


def test_points_without_a_step_count_by_their_place_in_the_whole_series(opened: Opened) -> None:
    opened.log_series(rows("r", {"x": list(range(100))}))

    query = SeriesQuery(run_id=RUN, first_step=50, last_step=89)

    assert [(each.first_step, each.last_step, each.count) for each in thinned(opened, 2, query)] == [
        (50, 69, 20),
        (70, 89, 20),
    ]


def test_steps_of_two_writers_meet_in_one_bucket(opened: Opened) -> None:
    opened.log_series(stepped([0, 1, 2, 3], [0.0, 0.0, 0.0, 0.0]), writer="w1")
    opened.log_series(stepped([0, 1, 2, 3], [1.0, 1.0, 1.0, 1.0]), writer="w2")

    assert thinned(opened, 2) == [Bucket(0, 1, 4, 0.0, 1.0, 0.5), Bucket(2, 3, 4, 0.0, 1.0, 0.5)]


def test_a_table_has_one_for_each_column_with_numbers(opened: Opened) -> None:
    opened.log_series(rows("t", {"x": [1, 2], "text": ["a", "b"], "y": [None, nan], "bool": [True, False]}))

    assert opened.metrics.thinned(ALL, buckets=1) == [
        Thinned("t", "x", [Bucket(0, 1, 2, 1.0, 2.0, 1.5)]),
        Thinned("t", "y", [Bucket(0, 1, 2, None, None, None)]),
    ]


def test_steps_as_far_apart_as_can_be(opened: Opened) -> None:
    opened.log_series(stepped([-(2**63), 0, 2**63 - 1], [1.0, 2.0, 3.0]))

    assert [bucket.count for bucket in thinned(opened, 2)] == [1, 2]


def test_no_buckets_are_refused(opened: Opened) -> None:
    with pytest.raises(BadValueError, match="1 bucket or more, not 0"):
        opened.metrics.thinned(ALL, buckets=0)
