"""Texts that are too long for an index of PostgreSQL, whose entries have 2,704 bytes at most.

Such a text stands in its column by its beginning and a digest, and whole in a table of its own. It is found and
compared for equality as any other; among others that begin as it does for 500 bytes it has no order of its own.
"""

from hashlib import sha256

TABLE = 'CREATE TABLE long_texts (short TEXT COLLATE "C" PRIMARY KEY, whole TEXT NOT NULL)'
INSERT = "INSERT INTO long_texts (short, whole) VALUES (%s, %s) ON CONFLICT DO NOTHING"
SELECT = "SELECT whole FROM long_texts WHERE short = %s"

BEGINNING = 500
"""How many bytes of it stand in the column."""

_MARK = "\U0010fffd"
"""Behind the beginning; it is for private use, and its like is in hardly any text."""

_DIGEST = 64
LONGEST = BEGINNING + len(_MARK.encode()) + _DIGEST
"""The most bytes of any text in a column that an index has."""

_WIDEST = 4


def is_long(text: str) -> bool:
    """Whether a text has more bytes than a column takes."""
    if len(text) <= LONGEST // _WIDEST:
        return False
    return len(text) > LONGEST or (not text.isascii() and len(text.encode()) > LONGEST)


def shortened(text: str) -> str:
    """What stands for a text in a column: itself, unless it is long."""
    if not is_long(text):
        return text
    return text.encode()[:BEGINNING].decode(errors="ignore") + _MARK + sha256(text.encode()).hexdigest()


def may_be_short(text: str) -> bool:
    """Whether a text in a column may stand for a longer one."""
    return _DIGEST < len(text) <= LONGEST and _MARK in text and text[-_DIGEST - 1] == _MARK
