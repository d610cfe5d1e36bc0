"""Texts as the words that SQLite's full-text search sees in them, so that both stores find the same."""

from collections.abc import Sequence
from contextlib import closing

from projections.sqlite.connection import in_memory

_TEXTS = "CREATE VIRTUAL TABLE texts USING fts5 (words)"
_TOKENS = "CREATE VIRTUAL TABLE tokens USING fts5vocab (texts, instance)"


def tokens_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text, in their order."""
    found: list[list[tuple[int, str]]] = [[] for _ in texts]
    with closing(in_memory()) as memory:
        memory.execute(_TEXTS)
        memory.execute(_TOKENS)
        memory.execute("BEGIN")
        memory.executemany("INSERT INTO texts (rowid, words) VALUES (?, ?)", enumerate(texts))
        for term, number, place in memory.execute("SELECT term, doc, offset FROM tokens"):
            found[number].append((place, term))
    return [[term for _, term in sorted(each)] for each in found]
