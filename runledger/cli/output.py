"""Results on stdout, in the form that was asked for."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from runledger.cli.tables import Column, guessed_columns, markdown_table, plain_table, terminal_table
from runledger.yaml_text import yaml_of

if TYPE_CHECKING:
    from runledger.cli.query import Query

FORMATS = ("table", "json", "jsonc", "tsv", "yaml", "yamlc", "markdown", "none")
QUIET = "runledger.quiet"
"""The word in a context's `meta` that keeps notes from being written."""

Layout = Sequence[Column] | Callable[[Any], Iterable[str]]
"""How a result looks as a table: columns for its rows, or a function that gives its lines."""

# What JSON leaves as it is and a terminal may obey.
_CONTROL = re.compile(r"[\x7f-\x9f]")
_JSON_PARTS = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*')
_YAML_KEY = re.compile(r"^([ -]*)([^\s:'\"#][^:]*:)(?=\s|$)", re.MULTILINE)
_KEY, _TEXT, _OTHER, _PLAIN = "\x1b[34m", "\x1b[32m", "\x1b[36m", "\x1b[0m"


@dataclass(slots=True)
class Output:
    """Where results go and how; without a form it is a table on a terminal and JSON elsewhere."""

    form: str | None = None
    query: "Query | None" = None
    colour: bool = True
    copy: Path | None = None
    """A file that gets the results too, as JSON."""
    _has_copied: bool = False

    @property
    def on_terminal(self) -> bool:
        """Whether a person is looking."""
        return sys.stdout.isatty()

    @property
    def chosen(self) -> str:
        """The form to write in."""
        return self.form or ("table" if self.on_terminal else "json")

    def write(self, result: Any, layout: Layout | None = None, *, by_line: bool = False) -> None:
        """Write a result after `--query`; `by_line` writes each JSON item on a line of its own."""
        if self.query is not None:
            asked = self.query.apply(result)
            result, layout = asked, layout if _only_chosen(result, asked) else None
        self._write(result, layout, sys.stdout, by_line=by_line)
        sys.stdout.flush()
        if self.copy is not None:
            self._write_copy(self.copy, result)

    def _write(self, result: Any, layout: Layout | None, out: TextIO, *, by_line: bool) -> None:
        coloured = self.colour and self.on_terminal
        match self.chosen:
            case "json" | "jsonc" as form:
                items = result if by_line and isinstance(result, list) else [result]
                for item in items:
                    text = as_json(item, indent=None if by_line else 2)
                    print(_coloured_json(text) if coloured and form == "jsonc" else text, file=out)
            case "yaml" | "yamlc" as form:
                text = as_yaml(result)
                out.write(_coloured_yaml(text) if coloured and form == "yamlc" else text)
            case "tsv":
                _write_lines(as_tsv(result), out)
            case "table":
                self._write_table(result, layout, out, coloured=coloured)
            case "markdown":
                columns, rows = _tabulated(result, None if callable(layout) else layout)
                _write_lines(markdown_table(columns, rows) if rows else (), out)
            case _:
                pass

    def _write_copy(self, file: Path, result: Any) -> None:
        # What is there at the first result is not ours; later results of the same call go behind it.
        with file.open("a" if self._has_copied else "x", encoding="utf-8") as stream:
            stream.write(json.dumps(result, indent=2) + "\n")
        self._has_copied = True

    def _write_table(self, result: Any, layout: Layout | None, out: TextIO, *, coloured: bool) -> None:
        if callable(layout):
            _write_lines(layout(result), out)
            return
        columns, rows = _tabulated(result, layout)
        if not rows:
            return
        if self.on_terminal and not isinstance(result, Mapping):
            terminal_table(columns, rows, out, colour=coloured)
        else:
            _write_lines(plain_table(columns, rows), out)


def note(text: str) -> None:
    """Tell a person something that is no result; nothing with `--only-show-errors`."""
    context = click.get_current_context(silent=True)
    if context is None or not context.meta.get(QUIET):
        click.echo(text, err=True)


def as_json(result: Any, *, indent: int | None) -> str:
    """JSON that is safe to show; no more ASCII than stdout can write."""
    ascii_only = (sys.stdout.encoding or "ascii").lower() not in {"utf-8", "utf8"}
    text = json.dumps(result, indent=indent, ensure_ascii=ascii_only)
    return _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def as_yaml(result: Any) -> str:
    """One YAML document."""
    return yaml_of(result, width=1000).removesuffix("...\n")


def as_tsv(result: Any) -> Iterable[str]:
    """Lines of tab-separated cells, without a heading."""
    if not isinstance(result, list):
        result = [result]
    columns = guessed_columns(result)
    for row in result:
        yield "\t".join(column.text(row) for column in columns)


def _only_chosen(result: Any, asked: Any) -> bool:
    """Whether a query chose some of the rows and left them as they are."""
    if not isinstance(result, list) or not isinstance(asked, list):
        return False
    rows = {id(row) for row in result}
    return all(id(row) in rows for row in asked)


def _tabulated(result: Any, columns: Sequence[Column] | None) -> tuple[Sequence[Column], list[Any]]:
    if isinstance(result, Mapping) and columns is None:
        names = [Column("KEY", lambda row: row[0], whole=True), Column("VALUE", lambda row: row[1])]
        return names, list(result.items())
    rows = result if isinstance(result, list) else [] if result is None else [result]
    return columns or guessed_columns(rows), rows


def _write_lines(lines: Iterable[str], out: TextIO) -> None:
    for line in lines:
        print(line, file=out)


def _coloured_json(text: str) -> str:
    return _JSON_PARTS.sub(_coloured_part, text)


def _coloured_part(match: re.Match[str]) -> str:
    string, colon = match.groups()
    if string is None:
        return f"{_OTHER}{match.group()}{_PLAIN}"
    return f"{_KEY}{string}{_PLAIN}{colon}" if colon else f"{_TEXT}{string}{_PLAIN}"


def _coloured_yaml(text: str) -> str:
    return _YAML_KEY.sub(rf"\1{_KEY}\2{_PLAIN}", text)
