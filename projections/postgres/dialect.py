"""What PostgreSQL says in words of its own."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from projections.connection import Connection, Document
from projections.dialect import Search
from projections.postgres.places import place_of
from projections.postgres.searching import put_words, search
from projections.sql import Sql

_PUT_VALUE = """
INSERT INTO run_values{0} (run, field, value, place, created) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run, field) DO UPDATE SET value = excluded.value, place = excluded.place"""


class PostgresDialect:
    """Values of any type are stored as JSON, beside bytes in their order; the words of runs are rows of their own."""

    text_mark: str = '?::text COLLATE "C"'

    def among(self, name: str, numbers: Iterable[int]) -> Sql:
        """By an array."""
        return Sql(f"({name} = ANY(?::bigint[]))", [[*numbers]])

    def of_state(self, key: str) -> str:
        """A text in the state of run `r`."""
        return f"""((r.state::json ->> '{key}') COLLATE "C")"""

    def pairs_of_state(self, key: str) -> str:
        """The texts in an object in the state of run `r`."""
        pairs = f"json_each_text(r.state::json -> '{key}')"
        return f"""LATERAL (SELECT key COLLATE "C" AS key, value COLLATE "C" AS value FROM {pairs}) j"""

    def place(self, alias: str) -> str:
        """The bytes."""
        return f"{alias}.place"

    def placed(self, value: float | str) -> Any:
        """The bytes of a value."""
        return place_of(value)

    def value(self, stored: Any) -> Any:
        """What the JSON says."""
        return json.loads(stored)

    def along_facts(self, kind: str, key: str, conditions: Sql, down: str, limit: int) -> Sql:
        """Of each fact the first runs: it is not known here that two indexes are in order together."""
        each = Sql("SELECT a.created, a.run FROM run_attributes a WHERE a.attribute = t.attribute") + conditions
        each += Sql(f" ORDER BY a.created {down}, a.run {down} LIMIT ?", [limit])
        facts = Sql(") a WHERE t.kind = ? AND t.key = ?", [kind, key])
        order = Sql(f" ORDER BY t.value {down}, a.created {down}, a.run {down} LIMIT ?", [limit])
        return Sql("SELECT t.value, a.created, a.run FROM attributes t CROSS JOIN LATERAL (") + each + facts + order

    def put_values(
        self, connection: Connection, suffix: str, rows: Sequence[tuple[int, str, float | str, int]]
    ) -> None:
        """Store values."""
        found = (
            (run, field, Document(json.dumps(value, ensure_ascii=False)), place_of(value), created)
            for run, field, value, created in rows
        )
        connection.executemany(_PUT_VALUE.format(suffix), found)

    def put_words(self, connection: Connection, suffix: str, rows: Sequence[tuple[int, str]]) -> None:
        """Store the words of runs, and take away those that they no longer have."""
        put_words(connection, suffix, rows)

    def search(self, connection: Connection, words: Sequence[str], counted: int) -> Search | None:
        """How runs are found that have words."""
        return search(connection, words, counted)


POSTGRES = PostgresDialect()
