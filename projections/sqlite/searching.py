"""Runs that have words, in an index of SQLite's full-text search."""

from collections.abc import Sequence

from projections.connection import Connection
from projections.dialect import Search
from projections.sql import Sql, upper

_TERMS = 50
"""The most words of one beginning that are sought one by one: the index reads all places of a beginning first."""

_TABLE = "SELECT 'run_words_' || generation FROM checkpoints WHERE projection = 'runs' AND building = 0"
_TERM = "SELECT term FROM run_terms WHERE term >= ? AND term < ? LIMIT 1"


def search(connection: Connection, words: Sequence[str], counted: int) -> Search | None:
    """How runs are found that have all of these words."""
    expression = expression_of(connection, words)
    if expression is None:
        return None
    # The index in use: it cannot be asked by way of a view.
    table = connection.execute(_TABLE).fetchone()[0]
    found = f"SELECT rowid AS run FROM {table} WHERE {table} MATCH ?"
    select = f"SELECT count(*) FROM ({found} LIMIT {counted})"
    (count,) = connection.execute(select, [expression]).fetchone()
    return Search(
        count,
        Sql(f"({found}) w CROSS JOIN runs a WHERE a.run = w.run", [expression]),
        Sql(f"a.run IN ({found})", [expression]),
        Sql(f"a.run IN ({found} AND rowid BETWEEN ? AND ?)", [expression]),
    )


def expression_of(connection: Connection, words: Sequence[str]) -> str | None:
    """Words as a full-text expression; None if nothing can have them."""
    found = [_beginning(connection, word) for word in words]
    return " AND ".join(found) if found and all(found) else None


def _beginning(connection: Connection, word: str) -> str:
    terms = _terms(connection, word) if word.isascii() and word.isalnum() else None
    if terms is None:
        return '"' + word.replace('"', '""').replace("\0", " ") + '"*'
    return "(" + " OR ".join(f'"{term}"' for term in terms) + ")" if terms else ""


def _terms(connection: Connection, prefix: str) -> list[str] | None:
    """The words that begin like this one; None if they are many."""
    found: list[str] = []
    least, end = prefix, upper(prefix)
    # Each is looked up behind the last: to list them would be to read where each of them stands.
    while row := connection.execute(_TERM, (least, end)).fetchone():
        found.append(row[0])
        least = row[0] + "\x01"
        if len(found) > _TERMS:
            return None
    return found
