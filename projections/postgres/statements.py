"""Statements as PostgreSQL has them, from those that are written once for all stores."""

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TYPES = {"INTEGER": "BIGINT", "TEXT": 'TEXT COLLATE "C"', "BLOB": "BYTEA", "REAL": "DOUBLE PRECISION"}
"""SQLite orders texts by their code points, whatever the language of the database."""

_TYPE = re.compile(rf"\b({'|'.join(_TYPES)})\b")
_OTHERWISE = (
    (
        re.compile(r"CREATE TABLE run_values(\w*) .*", re.DOTALL),
        r"""CREATE TABLE run_values\1 (
    run BIGINT, field TEXT COLLATE "C", value TEXT NOT NULL, place BYTEA NOT NULL, created BIGINT NOT NULL,
    PRIMARY KEY (run, field)
)""",
    ),
    (re.compile(r"(CREATE INDEX run_values\w*_order ON \w+) .*"), r"\1 (field, place, created, run)"),
    (
        re.compile(r"CREATE VIRTUAL TABLE run_words(\w*) .*"),
        r'CREATE TABLE run_words\1 (run BIGINT PRIMARY KEY, words TEXT COLLATE "C" NOT NULL)',
    ),
    (
        re.compile(r"CREATE VIRTUAL TABLE run_terms(\w*) .*"),
        r'CREATE TABLE run_terms\1 (term TEXT COLLATE "C", run BIGINT, PRIMARY KEY (term, run))',
    ),
)
_ROW = re.compile(r"(\s*INSERT INTO .*?\bVALUES\s*)(\((?:%s(?:, )?)+\))(.*)", re.DOTALL)


@lru_cache(maxsize=4_000)
def translated(statement: str) -> str:
    """A statement that reads or writes rows, or makes or drops a table."""
    text = statement.strip()
    if text.startswith("CREATE"):
        return _made(text)
    return text.replace("%", "%%").replace("?", "%s").replace("instr(", "strpos(")


class Insertion(NamedTuple):
    """A statement that puts in one row, which can put in many."""

    begin: str
    row: str
    end: str

    def of(self, rows: int) -> str:
        """The statement for so many."""
        return self.begin + ", ".join([self.row] * rows) + self.end


@lru_cache(maxsize=500)
def insertion(statement: str) -> Insertion | None:
    """What a translated statement is, if it puts in one row."""
    found = _ROW.fullmatch(statement)
    return Insertion(*found.groups()) if found else None


def portions(rows: "Iterator[Sequence[object]]", size: int) -> "Iterator[list[Sequence[object]]]":
    """Some rows at a time."""
    while portion := list(islice(rows, size)):
        yield portion


def _made(text: str) -> str:
    for pattern, replacement in _OTHERWISE:
        if pattern.fullmatch(text):
            return pattern.sub(replacement, text)
    return _TYPE.sub(lambda found: _TYPES[found.group()], text).replace(" WITHOUT ROWID", "")
