"""Charts: marks that all lines share, made of all points."""

from array import array
from collections.abc import Sequence
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.metrics import Scalar
from projections.metrics.batches import VALUES
from projections.metrics.charting import Axis, Chart, ChartQuery, Line, Scale, Source, chart
from projections.metrics.columns import column_of
from projections.metrics.points import VALUE, Points
from projections.metrics.rows import Metric
from tests.projections.metrics.conftest import RUN, Opened, rows, scalars

FLOATS = st.floats(-1e9, 1e9)


def source(values: Sequence[float], *, run_id: str = RUN, steps: Sequence[int] | None = None, time: int = 0) -> Source:
    metric = Metric(1, "a", VALUES, "a", "scalar", columns=[VALUE])
    times = array("q", range(time, time + len(values)))
    return Source(
        run_id, metric, Points(times, None if steps is None else array("q", steps), {VALUE: column_of(list(values))})
    )


def drawn(*sources: Source, buckets: int = 10, axis: Axis = Axis.STEP, scale: Scale = Scale.LINEAR,
          first: int | None = None, last: int | None = None, began: dict[str, int] | None = None) -> Chart:  # fmt: skip
    query = ChartQuery(run_ids=[each.run_id for each in sources], names=["a"], axis=axis, scale=scale, first=first,
                       last=last, began=began or {}, buckets=buckets)  # fmt: skip
    return chart("a", sources, query)


def one(found: Chart) -> Line:
    [line] = found.lines
    return line


def test_one_outlier_in_200_000_points_is_seen() -> None:
    values = [0.5] * 200_000
    values[123_456] = 99.0

    line = one(drawn(source(values), buckets=800))

    assert max(bound for bound in line.maximum if bound is not None) == 99.0
    assert line.maximum.count(99.0) == 1
    assert sum(line.count) == 200_000


@given(st.lists(st.tuples(st.integers(-500, 500), FLOATS), min_size=1, max_size=200), st.integers(1, 30))
def test_every_point_is_in_one_mark(points: list[tuple[int, float]], buckets: int) -> None:
    steps, values = [step for step, _ in points], [value for _, value in points]

    found = drawn(source(values, steps=steps), buckets=buckets)

    line = one(found)
    assert len(found.x) == len(line.count) <= buckets
    assert sum(line.count) == len(points)
    assert min(each for each in line.minimum if each is not None) == min(values)
    assert max(each for each in line.maximum if each is not None) == max(values)
    assert list(found.x) == sorted(found.x)
    assert found.end == max(steps)
    assert found.exact == (list(found.x) == sorted(set(steps)))
    assert found.exact or len(points) > buckets


@given(st.lists(FLOATS, min_size=1, max_size=60), st.lists(FLOATS, max_size=60), st.integers(1, 20))
def test_lines_share_marks_and_lose_nothing(a: list[float], b: list[float], buckets: int) -> None:
    found = drawn(source(a), source(b, run_id="r2", steps=[3 * place for place in range(len(b))]), buckets=buckets)

    assert [sum(line.count) for line in found.lines] == [len(a), len(b)]
    assert all(len(line.mean) == len(found.x) for line in found.lines)


def test_zooming_in_ends_with_every_point() -> None:
    values = [float(place % 7) for place in range(10_000)]

    assert not drawn(source(values), buckets=100).exact
    near = drawn(source(values), buckets=100, first=5_000, last=5_049)

    assert near.exact
    assert list(near.x) == list(range(5_000, 5_050))
    assert one(near).mean == values[5_000:5_050]
    assert (one(near).points, one(near).left_out) == (10_000, 0)


def test_relative_axes_begin_at_zero() -> None:
    late, early = source([1, 2], run_id="late", steps=[100, 101], time=50), source([3, 4], run_id="early", time=10)

    assert list(drawn(late, early, axis=Axis.STEP).x) == [0, 1, 100, 101]
    assert list(drawn(late, early, axis=Axis.RELATIVE_STEP).x) == [0, 1]
    assert list(drawn(late, early, axis=Axis.TIME).x) == [10, 11, 50, 51]
    assert list(drawn(late, early, axis=Axis.RELATIVE_TIME, began={"late": 45, "early": 5}).x) == [5, 6]


def test_a_logarithmic_axis_says_what_it_cannot_show() -> None:
    found = drawn(source([1.0] * 1_000), buckets=30, scale=Scale.LOG)

    line = one(found)
    assert line.left_out == 1  # step 0
    assert sum(line.count) == 999
    assert found.x[0] == 1
    widths = [count for count in line.count if count > 1]
    assert widths == sorted(widths)
    assert found.end == 999


def test_what_is_no_finite_number_is_counted_and_not_drawn() -> None:
    line = one(drawn(source([nan, inf, 1.0, 2.0], steps=[0, 0, 0, 5])))

    assert (line.count, line.minimum, line.maximum, line.mean) == ([3, 1], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0])


def test_a_table_has_a_line_a_column_with_numbers(opened: Opened) -> None:
    cells: dict[str, list[Scalar]] = {"x": [1, 2], "text": ["a", "b"], "y": [3.0, None]}
    opened.log_series(rows("t", cells), scalars("a", [1.0]))

    table, nothing = opened.metrics.charts(ChartQuery(run_ids=[RUN, "other"], names=["t", "none"]))

    assert [(line.run_id, line.column, line.mean) for line in table.lines] == [
        (RUN, "x", [1, 2]),
        (RUN, "y", [3, None]),
    ]
    assert (nothing.x, nothing.lines, nothing.end) == ([], [], None)


@pytest.mark.parametrize("axis", list(Axis))
def test_points_out_of_order_are_drawn_in_order(axis: Axis) -> None:
    found = drawn(source([5.0, 1.0, 3.0], steps=[5, 1, 3]), axis=axis)

    expected = [1.0, 3.0, 5.0] if axis in {Axis.STEP, Axis.RELATIVE_STEP} else [5.0, 1.0, 3.0]
    assert one(found).mean == expected
