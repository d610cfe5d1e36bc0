"""What is answered about logged values: names, kinds, order, and values as they were logged."""

from math import inf, isnan, nan

import pytest

from ledger.errors import UnavailableError
from ledger.metrics import MetricSummary, SeriesQuery
from ledger.store.tables import place_of
from schemas.events.values import Series
from tests.projections.metrics.conftest import RUN, Opened, rows, scalars

ALL = SeriesQuery(run_id=RUN)


def values_of(opened: Opened, name: str) -> list[object]:
    [series] = opened.metrics.series(SeriesQuery(run_id=RUN, name=name))
    assert series.values is not None
    return list(series.values)


def test_a_run_without_values_has_no_metrics(opened: Opened) -> None:
    assert opened.metrics.summaries("nobody") == []
    assert opened.metrics.series(SeriesQuery(run_id="\ud800")) == []
    assert opened.metrics.thinned(SeriesQuery(run_id="nobody"), buckets=3) == []
    assert opened.metrics.last_values(["nobody"]) == {"nobody": {}}


def test_metrics_of_one_run_are_not_those_of_another(opened: Opened) -> None:
    opened.log_series(scalars("loss", [1.0]), run_id="r1")
    opened.log_series(scalars("loss", [2.0]), run_id="r1.1")
    opened.log_series(scalars("loss", [3.0]), run_id="r10")

    assert values_of(opened, "loss") == [1.0]
    assert opened.metrics.last_values(["r10", "r1.1"]) == {"r10": {"loss": 3.0}, "r1.1": {"loss": 2.0}}


def test_a_summary_tells_the_last_point_and_the_bounds_of_finite_numbers(opened: Opened) -> None:
    opened.log_series(scalars("loss", [0.5, nan, -2, inf, True, "x", None, 0.25], time=100))

    [summary] = opened.metrics.summaries(RUN)

    assert summary == MetricSummary("loss", "scalar", 8, 0.25, 7, 107, -2.0, 0.5)


def test_metrics_come_in_the_order_of_first_use(opened: Opened) -> None:
    opened.log_series(scalars("z", [1]), scalars("m", [1]))
    opened.metrics.summaries(RUN)
    opened.log_series(scalars("a", [1]), scalars("z", [1], begin=1), writer="a")

    assert [summary.name for summary in opened.metrics.summaries(RUN)] == ["z", "m", "a"]


def test_every_value_comes_back_as_it_was_logged(opened: Opened) -> None:
    logged = [1, 1.0, True, None, "1", "", nan, inf, -inf, -0.0, 2**63, -(10**3999), 0.1, "é\n\U0001f600", "NaN"]
    for number, value in enumerate(logged):
        opened.log_series(scalars("each", [value], begin=number))
        opened.metrics.summaries(RUN)
    opened.log_series(scalars("all", logged))

    assert repr(values_of(opened, "each")) == repr(values_of(opened, "all")) == repr(logged)


def test_integers_of_64_bits_and_more_stay_exact(opened: Opened) -> None:
    numbers = [2**63 - 1, -(2**63), 2**53 + 1]
    opened.log_series(scalars("small", numbers))
    opened.log_series(scalars("large", [*numbers, 2**63, 10**400]))

    assert values_of(opened, "small") == numbers
    assert values_of(opened, "large") == [*numbers, 2**63, 10**400]
    assert [each.last for each in opened.metrics.summaries(RUN)] == [2**53 + 1, 10**400]
    assert [each.maximum for each in opened.metrics.summaries(RUN)] == [float(2**63 - 1), float(2**63)]


def test_a_list_continues_a_scalar_in_logged_order(opened: Opened) -> None:
    opened.log_series(
        Series(name="a", kind="scalar", index=[1, 4], times=[10, 40], values=["first", "last"]),
        Series(name="a", kind="list", index=[2, 2, 3], times=[20, 20, 30], values=[0, 1, 1]),
    )

    [series] = opened.metrics.series(ALL)

    assert (series.kind, series.values) == ("list", ["first", 0, 1, 1, "last"])
    assert (series.times, series.steps) == ([10, 20, 20, 30, 40], [None] * 5)


def test_what_was_logged_empty_is_there_without_points(opened: Opened) -> None:
    opened.log_series(
        Series(name="l", kind="list", index=[], times=[], values=[]),
        Series(name="t", kind="table", index=[], times=[], columns={"x": []}),
    )

    listed, table = opened.metrics.series(ALL)

    assert (listed.kind, listed.values, listed.columns) == ("list", [], None)
    assert (table.kind, table.values, table.columns) == ("table", None, {"x": []})
    assert [(each.count, each.last, each.last_time) for each in opened.metrics.summaries(RUN)] == [(0, None, None)] * 2
    assert opened.metrics.last_values([RUN]) == {RUN: {}}


def test_rows_with_different_columns_are_one_table_with_empty_cells(opened: Opened) -> None:
    opened.log_series(rows("r", {"x": [1], "y": [0.5]}))
    opened.metrics.summaries(RUN)
    opened.log_series(rows("r", {"z": ["new"], "x": [2]}, begin=1))

    [series] = opened.metrics.series(ALL)
    [summary] = opened.metrics.summaries(RUN)

    assert (series.kind, series.values) == ("row", None)
    assert series.columns == {"x": [1, 2], "y": [0.5, None], "z": [None, "new"]}
    assert list(series.columns) == ["x", "y", "z"]
    assert summary.last == {"x": 2, "y": None, "z": "new"}
    assert (summary.minimum, summary.maximum) == (None, None)


def test_rows_and_a_table_of_one_name_are_one_table(opened: Opened) -> None:
    opened.log_series(rows("r", {"x": [1]}))
    opened.log_series(rows("r", {"x": [2, 3]}, kind="table", begin=1))

    [series] = opened.metrics.series(ALL)

    assert (series.kind, series.columns) == ("table", {"x": [1, 2, 3]})


def test_values_and_rows_of_one_name_are_kept_apart_and_the_first_keeps_the_name(opened: Opened) -> None:
    opened.log_series(scalars("a", [1]), rows("b", {"x": [1]}))
    opened.log_series(rows("a", {"x": [2]}, begin=1), scalars("b", [2], begin=1))

    names = {each.name: each.values or each.columns for each in opened.metrics.series(ALL)}

    assert names == {"a": [1], "b": {"x": [1]}, "a (rows)": {"x": [2]}, "b (values)": [2]}
    assert values_of(opened, "b (values)") == [2]


def test_a_name_that_was_given_is_taken_for_others(opened: Opened) -> None:
    opened.log_series(scalars("a", [1]))
    opened.log_series(rows("a", {"x": [2]}, begin=1))
    opened.log_series(scalars("a (rows)", [3], begin=2))
    opened.log_series(rows("a", {"x": [4]}, begin=3))

    names = {each.name: each.values or each.columns for each in opened.metrics.series(ALL)}

    assert names == {"a": [1], "a (rows)": {"x": [2, 4]}, "a (rows) (values)": [3]}


def test_a_kind_unheard_of_is_shown_by_what_it_has(opened: Opened) -> None:
    opened.log_series(
        Series(name="v", kind="histogram", index=[0], times=[0], values=[1]),
        Series(name="c", kind="scalar", index=[0], times=[0], columns={"x": [1]}),
    )

    assert [(each.name, each.kind) for each in opened.metrics.series(ALL)] == [("v", "list"), ("c", "table")]


def test_two_writers_are_merged_by_time(opened: Opened) -> None:
    opened.log_series(Series(name="a", kind="scalar", index=[1, 2, 3], times=[10, 30, 50], values=[1, 3, 5]))
    opened.log_series(
        Series(name="a", kind="scalar", index=[1, 2, 3], times=[20, 30, 40], steps=[2, 3, 4], values=[2, "3b", 4]),
        writer="a",
    )

    [series] = opened.metrics.series(ALL)
    [summary] = opened.metrics.summaries(RUN)

    assert series.values == [1, 2, 3, "3b", 4, 5]
    assert series.steps == [None, 2, None, 3, 4, None]
    assert (summary.last, summary.last_time, summary.last_step) == (5, 50, None)


def test_a_clock_that_was_set_back_does_not_reorder_a_writers_points(opened: Opened) -> None:
    opened.log_series(Series(name="a", kind="scalar", index=[1, 2, 3], times=[100, 5, 101], values=[1, 2, 3]))
    opened.log_series(Series(name="a", kind="scalar", index=[1], times=[50], values=["other"]), writer="w2")

    assert values_of(opened, "a") == ["other", 1, 2, 3]


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(None, None, [0, 1, 2, 3, 4]), (2, None, [2, 3, 4]), (1, 3, [1, 2, 3]), (9, 8, [])]
)
def test_a_range_of_steps_counts_places_where_there_are_no_steps(
    first: int | None, last: int | None, expected: list[int], opened: Opened
) -> None:
    opened.log_series(scalars("with", [0, 1, 2, 3, 4]), rows("without", {"x": [0, 1, 2, 3, 4]}))

    with_steps, without = opened.metrics.series(SeriesQuery(run_id=RUN, first_step=first, last_step=last))

    assert (with_steps.values, without.columns) == (expected, {"x": expected})
    assert (with_steps.steps, without.steps) == (expected, [None] * len(expected))


def test_one_metric_may_be_asked_for_by_its_name(opened: Opened) -> None:
    opened.log_series(scalars("a", [1]), scalars("b", [2]))

    assert [each.name for each in opened.metrics.series(SeriesQuery(run_id=RUN, name="b"))] == ["b"]
    assert opened.metrics.series(SeriesQuery(run_id=RUN, name="c")) == []
    assert opened.metrics.series(SeriesQuery(run_id=RUN, name="\ud800")) == []


def test_the_last_values_are_of_metrics_that_have_values(opened: Opened) -> None:
    opened.log_series(scalars("loss", [2.0, nan]), rows("r", {"x": [1]}), scalars("name", ["x"], kind="list"))

    [last] = opened.metrics.last_values([RUN]).values()

    assert list(last) == ["loss", "name"]
    assert isinstance(last["loss"], float)
    assert isnan(last["loss"])


def test_a_question_is_answered_once_what_it_names_has_arrived(opened: Opened) -> None:
    place = opened.log_series(scalars("a", [1]))

    assert opened.metrics.summaries(RUN, at_least=place)[0].count == 1
    query = SeriesQuery(run_id=RUN)
    for early in (place + 1, place_of(3, 0), place_of(3, 7)):
        with pytest.raises(UnavailableError, match=r"has not arrived yet\. Try again"):
            opened.metrics.summaries(RUN, at_least=early)
        with pytest.raises(UnavailableError, match=f"partition {early >> 40} of the values log"):
            opened.metrics.series(query, at_least=early)
        with pytest.raises(UnavailableError, match="has not arrived"):
            opened.metrics.thinned(query, buckets=3, at_least=early)
