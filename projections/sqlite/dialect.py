"""What SQLite says in words of its own."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from projections.connection import Connection
from projections.dialect import Search
from projections.sql import Sql
from projections.sqlite.searching import search

_PUT_WORDS = "INSERT OR REPLACE INTO run_words{0} (rowid, words) VALUES (?, ?)"
_PUT_VALUE = """
INSERT INTO run_values{0} (run, field, value, created) VALUES (?, ?, ?, ?)
ON CONFLICT (run, field) DO UPDATE SET value = excluded.value"""


class SqliteDialect:
    """A column of values has values of any type, numbers before texts; the words of runs are an index of FTS5."""

    text_mark: str = "?"

    def among(self, name: str, numbers: Iterable[int]) -> Sql:
        """By a list in JSON: there are at most 32,766 marks in a statement."""
        return Sql(f"{name} IN (SELECT value FROM json_each(?))", [json.dumps([*numbers])])

    def of_state(self, key: str) -> str:
        """A text in the state of run `r`."""
        return f"json_extract(r.state, '$.{key}')"

    def pairs_of_state(self, key: str) -> str:
        """The texts in an object in the state of run `r`."""
        return f"json_each(r.state, '$.{key}') j"

    def place(self, alias: str) -> str:
        """The value itself."""
        return f"{alias}.value"

    def placed(self, value: float | str) -> Any:
        """The value itself."""
        return value

    def value(self, stored: Any) -> Any:
        """The value itself."""
        return stored

    def along_facts(self, kind: str, key: str, conditions: Sql, down: str, limit: int) -> Sql:
        """A walk along two indexes, which are in order together."""
        begin = "SELECT t.value, a.created, a.run FROM attributes t CROSS JOIN run_attributes a"
        facts = Sql(f"{begin} WHERE a.attribute = t.attribute AND t.kind = ? AND t.key = ?", [kind, key])
        return facts + conditions + Sql(f" ORDER BY t.value {down}, a.created {down}, a.run {down} LIMIT ?", [limit])

    def put_values(
        self, connection: Connection, suffix: str, rows: Sequence[tuple[int, str, float | str, int]]
    ) -> None:
        """Store values."""
        connection.executemany(_PUT_VALUE.format(suffix), rows)

    def put_words(self, connection: Connection, suffix: str, rows: Sequence[tuple[int, str]]) -> None:
        """The number of a row is that of its run."""
        connection.executemany(_PUT_WORDS.format(suffix), rows)

    def search(self, connection: Connection, words: Sequence[str], counted: int) -> Search | None:
        """How runs are found that have words."""
        return search(connection, words, counted)


SQLITE = SqliteDialect()
