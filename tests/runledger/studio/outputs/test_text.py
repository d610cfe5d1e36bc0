"""Texts of any size, by line and by byte."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runledger.studio.outputs.text import LINES, behind, count_lines, is_text, lines, search, shown


@dataclass
class Held:
    """Bytes that are read in small pieces, as from far away."""

    content: bytes
    most: int = 1 << 30

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, start: int, most: int) -> bytes:
        return self.content[start : start + min(most, self.most)]


TEXTS = st.text(st.sampled_from("ab\n€𝄞"), max_size=60)


@given(TEXTS, st.integers(1, 7), st.integers(0, 12), st.integers(1, 5))
def test_lines_are_those_of_the_text_however_it_is_read(text: str, most: int, first: int, count: int) -> None:
    source = Held(text.encode(), most)
    expected = text.splitlines(keepends=True)
    assert count_lines(source) == len(expected)
    assert lines(source, first, count).text == "".join(expected[first : first + count])


@given(TEXTS, st.integers(0, 20))
def test_what_grows_is_read_on_without_a_broken_character(text: str, cut: int) -> None:
    whole = text.encode()
    seen = behind(Held(whole[:cut]), 0)
    rest = behind(Held(whole), seen.end)
    assert seen.text + rest.text == text
    assert rest.end == len(whole)


@given(TEXTS, st.sampled_from(["a", "AB", "€", "b\u20ac"]), st.integers(1, 7), st.integers(0, 5))
def test_a_search_finds_the_lines_that_have_it(text: str, words: str, most: int, first: int) -> None:
    expected = [number for number, line in enumerate(text.split("\n")) if words.lower() in line.lower()]
    found = search(Held(text.encode(), most), words, first)
    assert [match.line for match in found.found] == [number for number in expected if number >= first]


def test_a_search_goes_on_where_it_stopped() -> None:
    source = Held(b"x\n" * 10)
    first = search(source, "x", limit=4)
    assert (len(first.found), first.next_line) == (4, 4)
    assert [match.line for match in search(source, "x", 4, limit=6).found] == [4, 5, 6, 7, 8, 9]


def test_a_line_without_an_end_is_not_read_for_ever() -> None:
    piece = lines(Held(b"a" * 5_000_000), 0)
    assert len(piece.text) <= 2_200_000
    assert len(search(Held(b"a" * 5_000_000), "a").found[0].text) <= 2_000


def test_a_hundred_thousand_lines_have_their_last() -> None:
    source = Held(b"".join(b"line %d\n" % number for number in range(100_000)))
    assert lines(source, 99_900).text.endswith("line 99999\n")
    assert lines(source, 99_900).text.count("\n") == 100
    assert lines(source, 0).text.count("\n") == LINES


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"10%\r20%\rdone\nnext\r\n", "done\nnext\n"),
        (b"bad \xff byte", "bad \ufffd byte"),
        (b"<script>", "<script>"),
    ],
)
def test_it_is_shown_as_a_terminal_does(content: bytes, text: str) -> None:
    assert shown(content) == text


@pytest.mark.parametrize(
    ("content", "expected"), [(b"plain", True), (b"", True), (b"a\0b", False), (b"\xff\xfe", False)]
)
def test_what_is_no_text_is_known(content: bytes, *, expected: bool) -> None:
    assert is_text(Held(content)) is expected


def test_a_head_that_ends_within_a_character_is_a_text() -> None:
    assert is_text(Held(b"a" * 8_191 + "€".encode()))
