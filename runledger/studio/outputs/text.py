"""Reading texts of any size by line or by byte, a piece at a time; searching them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

PIECE = 1 << 20
LINES = 500
"""So many lines are read at once."""
_HEAD = 8_192
_LINE = 2_000
_LONGEST_CHARACTER = 4
# What a terminal would not show: colours, and what was written over.
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?=[^\n])")


class Source(Protocol):
    """Bytes that can be read from any place on; more may come behind them."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, start: int, most: int) -> bytes:
        """Some of them, from a place on; none at the end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text: `first` is the number of its first line, from 0, or None; `end` is the place behind it, in bytes."""

    text: str
    end: int
    size: int
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A line, by its number from 0, in which something was found."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Lines in which something was found; `next_line` is where to search on, if that is not the end."""

    found: list[Match]
    next_line: int | None


def is_text(source: Source) -> bool:
    """Whether bytes are a text in UTF-8, as far as their beginning tells."""
    head = source.read(0, _HEAD)
    if b"\0" in head:
        return False
    try:
        _whole(head).decode()
    except UnicodeDecodeError:
        return False
    return True


def shown(content: bytes) -> str:
    """A text as a terminal shows it."""
    text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    # Each looks at every line again and again: most texts need neither.
    text = _COLOURS.sub("", text) if "\x1b" in text else text
    return _OVERWRITTEN.sub("", text) if "\r" in text else text


def count_lines(source: Source) -> int:
    """How many lines there are; the last one may have no end yet."""
    count, last = 0, b"\n"
    for content in _pieces(source, 0):
        count += content.count(b"\n")
        last = content[-1:]
    return count + (last != b"\n")


def lines(source: Source, first: int, count: int = LINES) -> Piece:
    """So many lines from one on."""
    start = _start_of(source, first)
    found = bytearray()
    for content in _pieces(source, start):
        found += content
        ends = [match.end() for match in re.finditer(rb"\n", found)]
        if len(ends) >= count:
            del found[ends[count - 1] :]
            break
        if len(found) > PIECE:
            break
    return Piece(shown(bytes(found)), start + len(found), source.size, first)


def behind(source: Source, start: int) -> Piece:
    """What lies behind a place, up to a megabyte; never a part of a character."""
    content = _whole(source.read(start, PIECE))
    if len(content) >= PIECE - _LONGEST_CHARACTER and b"\n" in content:
        content = content[: content.rindex(b"\n") + 1]
    return Piece(shown(content), start + len(content), source.size)


def search(source: Source, words: str, first: int = 0, limit: int = 200) -> Matches:
    """The lines from one on that have a text in them, in whatever case."""
    found: list[Match] = []
    wanted = words.lower()
    for begin, text in _numbered(source):
        if wanted not in text.lower():
            continue
        for number, line in enumerate(text.split("\n"), begin):
            if number >= first and wanted in line.lower():
                if len(found) == limit:
                    return Matches(found, number)
                found.append(Match(number, line[:_LINE]))
    return Matches(found, None)


def _numbered(source: Source) -> Iterator[tuple[int, str]]:
    """Some whole lines at a time, with the number of the first."""
    number, rest = 0, b""
    for content in _pieces(source, 0):
        whole, end, rest = (rest + content).rpartition(b"\n")
        if end:
            yield number, shown(whole)
            number += whole.count(b"\n") + 1
        if len(rest) > PIECE:
            rest = rest[:PIECE]  # a line without an end
    if rest:
        yield number, shown(rest)


def _start_of(source: Source, line: int) -> int:
    """Where a line begins; the end if there are not so many."""
    start, left = 0, line
    for content in _pieces(source, 0):
        count = content.count(b"\n")
        if count >= left:
            place = -1
            for _ in range(left):
                place = content.index(b"\n", place + 1)
            return start + place + 1
        left -= count
        start += len(content)
    return start


def _pieces(source: Source, start: int) -> Iterator[bytes]:
    while content := source.read(start, PIECE):
        yield content
        start += len(content)


def _whole(content: bytes) -> bytes:
    """Without the part of a character at the end."""
    for back in range(1, min(_LONGEST_CHARACTER, len(content) + 1)):
        byte = content[-back]
        if byte & 0xC0 == 0xC0:  # noqa: PLR2004 - the first byte of a longer character
            longer = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004
            return content[:-back] if longer > back else content
        if byte < 0x80:  # noqa: PLR2004 - a whole character
            break
    return content
