"""Drawings of few numbers."""

from math import inf, nan

from hypothesis import example, given
from hypothesis import strategies as st

from runledger.studio.charts.drawing import HEIGHT, WIDTH, drawing, thin

FINITE = st.floats(-1e12, 1e12)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=50))
@example([(5e-324, 5e-324)])
@example([(0.0, 5e-324), (5e-324, 0.0)])
def test_every_point_lies_in_the_drawing_and_ticks_are_few(points: list[tuple[float, float]]) -> None:
    drawn = drawing([x for x, _ in points], [y for _, y in points])
    for x, y in points:
        assert 0 <= drawn.x.at(x) <= WIDTH
        assert 0 <= drawn.y.at(y) <= HEIGHT
    assert 1 <= len(drawn.x.ticks()) <= 12
    assert all(drawn.x.start - 0.1 <= at <= drawn.x.end + 0.1 for at, _ in drawn.x.ticks())


def test_what_is_not_finite_does_not_matter() -> None:
    drawn = drawing([nan, 0, 10], [inf, 0, 1])
    assert (drawn.x.low, drawn.x.high, drawn.y.high) == (0, 10, 1)
    assert drawing([], []).x.ticks()


def test_thinning_keeps_the_order_and_the_outlier() -> None:
    points = [(float(place), 0.0) for place in range(100_000)]
    points[77_777] = (77_777.0, 5.0)
    found = thin(points)
    assert len(found) <= 2_000
    assert (77_777.0, 5.0) in found
    assert found == sorted(found)
