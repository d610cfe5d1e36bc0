"""Lengths of time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.spans import seconds_of, span_of


@given(seconds=st.integers(0, 999_999))
def test_what_is_written_is_read_again(seconds: int) -> None:
    assert seconds_of(span_of(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("2 h", 7_200), ("1d", 86_400), ("1w", 604_800)]
)
def test_a_span_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2", "2 weeks", "-1s", "1.5h", "9999999s", "2H"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30s"):
        seconds_of(text)
