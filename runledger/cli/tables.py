"""Tables for people: by rich on a terminal, plain aligned columns everywhere else."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_EVENT_TYPE = re.compile(r"runledger\.(.+)\.v\d+")
_MARKDOWN = re.compile(r"[\\|`*_<\[\]]")
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, the text of a row's cell, a colour by that text; `whole` is never cut."""

    title: str
    cell: Callable[[Any], object]
    colour: Callable[[str], str] | None = None
    whole: bool = False

    def text(self, row: Any) -> str:
        """The cell on one line."""
        return as_text(self.cell(row))


def as_text(value: object) -> str:
    """A value on one line, without anything that a terminal would obey."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _CONTROL.sub(_escaped, text)


def moment(iso: object) -> str:
    """An ISO time in UTC as people read it, to the second."""
    return str(iso)[:19].replace("T", " ") if iso else ""


def event_name(type_name: str) -> str:
    """`run.tagged` of `runledger.run.tagged.v1`; the type of a stranger's event as it is."""
    ours = _EVENT_TYPE.fullmatch(type_name)
    return ours.group(1) if ours else type_name


def guessed_columns(rows: Sequence[object]) -> list[Column]:
    """Columns for rows of any shape: the keys in the order they come up, or one column."""
    mappings = [row for row in rows if isinstance(row, Mapping)]
    if len(mappings) < len(rows):
        return [Column("VALUE", lambda row: row, whole=True)]
    keys = dict.fromkeys(key for row in mappings for key in row)
    return [_key_column(str(key)) for key in keys]


def plain_table(columns: Sequence[Column], rows: Sequence[Any]) -> Iterator[str]:
    """Lines of aligned columns, as wide as they need to be."""
    lines = [
        [column.title for column in columns],
        *([column.text(row) for column in columns] for row in rows),
    ]
    widths = [max(map(_width, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        padded = (text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True))
        yield _GAP.join(padded).rstrip()


def markdown_table(columns: Sequence[Column], rows: Sequence[Any]) -> Iterator[str]:
    """Lines of a table as issues and wikis show it."""
    yield _markdown_row(column.title for column in columns)
    yield _markdown_row("---" for _ in columns)
    for row in rows:
        yield _markdown_row(column.text(row) for column in columns)


def terminal_table(columns: Sequence[Column], rows: Sequence[Any], out: TextIO, *, colour: bool) -> None:
    """Write a table that fits the terminal."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def line(text: str, style: str = "") -> Text:
        return Text(text, style=style, no_wrap=True, overflow="ellipsis")

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        # rich narrows only the columns that may wrap; their cells do not wrap, they are cut.
        table.add_column(line(column.title), no_wrap=column.whole)
    for row in rows:
        cells = ((column, column.text(row)) for column in columns)
        table.add_row(*(line(text, column.colour(text) if column.colour else "") for column, text in cells))
    Console(file=out, color_system="auto" if colour else None, force_terminal=True, highlight=False).print(table)


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_MARKDOWN.sub(r"\\\g<0>", cell) for cell in cells) + " |"


def _key_column(key: str) -> Column:
    return Column(key, lambda row: row.get(key))


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
