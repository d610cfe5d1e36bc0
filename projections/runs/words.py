"""The words that a run is found by, in an index of SQLite's full-text search."""

import sqlite3
from collections.abc import Callable, Sequence
from unicodedata import normalize

from projections.runs.state import RunState

_TABLE = "SELECT 'run_words_' || generation FROM checkpoints WHERE projection = 'runs' AND building = 0"
_KEYS = ("experiment", "status", "display_name", "description", "created_by", "target")


def words_of(run_id: str, state: RunState) -> str:
    """The texts of a run that people search: id, names, description, tags, properties, status, user, error."""
    texts = [run_id, *(state.get(key) for key in _KEYS), state.get("error", {}).get("message")]
    for pairs in (state["tags"], state["properties"]):
        texts += [text for pair in pairs.items() for text in pair]
    return folded("\n".join(str(text) for text in texts if text))


def folded(text: str) -> str:
    """A text as it is compared: in one form of its characters, whatever their case."""
    return text.lower() if text.isascii() else normalize("NFKC", text).casefold()


def words_table(connection: sqlite3.Connection) -> str:
    """The index in use: it cannot be asked by way of a view."""
    return str(connection.execute(_TABLE).fetchone()[0])


def expression_of(search: str, terms: Callable[[str], Sequence[str] | None] = lambda _: None) -> str | None:
    """Words as a full-text expression: all of them, each at the beginning of a word; None if nothing can have them.

    What stands together, such as a part of an id with its dashes, must stand together. `terms` are
    the words that begin like one, None if they are many.
    """
    words = [word for word in folded(search).split() if any(map(str.isalnum, word))]
    found = [_beginning(word, terms(word) if word.isascii() and word.isalnum() else None) for word in words]
    return " AND ".join(found) if found and all(found) else None


def _beginning(word: str, terms: Sequence[str] | None) -> str:
    if terms is None:
        return '"' + word.replace('"', '""').replace("\0", " ") + '"*'
    return "(" + " OR ".join(f'"{term}"' for term in terms) + ")" if terms else ""
