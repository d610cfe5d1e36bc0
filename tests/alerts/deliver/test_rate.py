"""A rate holds in every stretch of time, and nothing waits longer than it asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.deliver.rate import Bucket, Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [("600/min", Rate(600, 60)), ("1/s", Rate(1, 1)), ("500 / h", Rate(500, 3_600)), ("2000/day", Rate(2_000, 86_400))],
)
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize("text", ["", "600", "0/min", "600/month", "-1/s", "1.5/s", "600/min/s"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="600/min"):
        Rate.parse(text)


rates = st.builds(Rate, st.integers(1, 2_000), st.sampled_from([1, 60]))


@given(rates, st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 50)), max_size=60))
def test_no_stretch_of_time_sees_more_than_the_rate(rate: Rate, asked: list[tuple[int, int]]) -> None:
    bucket, now, taken = Bucket.full(rate, 0), 0, []
    for later, wanted in asked:
        now += later
        count = min(wanted, bucket.left(now))
        bucket = bucket.take(now, count)
        taken += [now] * count
    window = rate.seconds * 1_000
    for first in taken:
        assert sum(first <= each < first + window for each in taken) <= rate.count


@pytest.mark.parametrize("rate", [Rate(600, 60), Rate(10, 1), Rate(600, 1), Rate(30, 60)])
def test_who_waits_gets_nearly_the_whole_rate(rate: Rate) -> None:
    bucket, taken = Bucket.full(rate, 0), 0
    for now in range(0, 2 * rate.seconds * 1_000, 10):
        taken += bucket.left(now)
        bucket = bucket.take(now, bucket.left(now))
    assert taken >= 2 * rate.count * 0.94


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Bucket.full(Rate(60, 60), 1_000_000).take(1_000_000, 1)
    assert bucket.left(0) == 1
    assert bucket.take(0, 1).left(1_000_500) == 0
    assert bucket.take(0, 1).left(1_001_100) == 1
