"""A piece of a statement with the values for its marks."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple


class Sql(NamedTuple):
    """A piece of a statement, and its parameters; a mark is `?` in every store."""

    text: str
    values: Sequence[Any] = ()

    def __add__(self, other: "Sql") -> "Sql":  # type: ignore[override]
        return Sql(self.text + other.text, [*self.values, *other.values])


def marks(values: Collection[object]) -> str:
    """A mark for each of some values."""
    return ", ".join("?" * len(values))


def upper(prefix: str) -> str | None:
    """The first text behind all that begin with a prefix, in the order of code points; None if there is none."""
    shorter = prefix.rstrip("\U0010ffff")
    if not shorter:
        return None
    following = ord(shorter[-1]) + 1
    return shorter[:-1] + chr(0xE000 if following == 0xD800 else following)  # noqa: PLR2004 - surrogates are no text
