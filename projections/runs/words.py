"""The words that a run is found by, in an index of SQLite's full-text search."""

import sqlite3
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


def expression_of(search: str) -> str | None:
    """Words as a full-text expression: all of them, each at the beginning of a word; None for no words.

    What stands together, such as a part of an id with its dashes, must stand together.
    """
    words = [word for word in folded(search).split() if any(map(str.isalnum, word))]
    return " ".join('"' + word.replace('"', '""').replace("\0", " ") + '"*' for word in words) or None
