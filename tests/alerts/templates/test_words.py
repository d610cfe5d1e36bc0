import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.templates.words import duration, moment, one_line, plain, shown, tail

_texts = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_500, "1.5 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (61_000, "1 min 1 s"),
        (3_600_000, "1 h"),
        (3_660_000, "1 h 1 min"),
        (86_400_000, "1 d"),
        (90_061_000, "1 d 1 h"),
        (8_640_000_000, "100 d"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(milliseconds: int, said: str) -> None:
    assert duration(milliseconds) == said


def test_a_moment_beyond_the_calendar_is_a_number() -> None:
    assert moment(2**62).endswith(" ms")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"),
        (True, "true"),
        (0.1 + 0.2, "0.3"),
        (float("inf"), "inf"),
        (12, "12"),
        (10**40, "an integer of 133 bits"),
        ("a\x00b", "ab"),
    ],
)
def test_a_logged_value_is_said_shortly(value: object, said: str) -> None:
    assert shown(value) == said


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("100%\r\n", "100%\n"),
        ("10%\r20%\r", "10%\n20%\n"),
        ("a\u202eb\u2066c", "abc"),
        ("half \ud83d", "half "),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_what_cannot_be_shown_is_left_out(text: str, left: str) -> None:
    assert plain(text) == left


@given(_texts)
def test_any_text_becomes_one_that_can_be_stored_and_shown(text: str) -> None:
    assert "\x00" not in plain(text).encode().decode()
    line = one_line(text, 20)
    assert len(line) <= 20
    assert len(line.splitlines()) <= 1


@given(_texts, st.integers(1, 50))
def test_a_tail_is_the_end_of_the_text(text: str, size: int) -> None:
    text = plain(text)
    kept = tail(text, size)
    assert kept == text or kept.partition("\n")[2] == "" or text.endswith(kept.partition("\n")[2])
    if len(text.encode()) > size:
        assert len(kept.partition("\n")[2].encode()) <= size
