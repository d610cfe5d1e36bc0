"""What a fold remembers of the tables from batch to batch, and what it asks them for."""

from collections.abc import Collection, Iterator, MutableMapping
from itertools import islice
from typing import Any, TypeVar

from projections.connection import Connection

K = TypeVar("K")
V = TypeVar("V")
_CHUNK = 300


def forget_oldest(known: MutableMapping[K, V], most: int) -> None:
    """Keep the newest half if there are more than so many; what is asked for again is read again."""
    if len(known) > most:
        for key in list(islice(known, len(known) - most // 2)):
            del known[key]


def among(
    connection: Connection, select: str, marks: str, wanted: Collection[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """What a statement finds for what is wanted, so many at a time; it has `{values}` in their place."""
    waiting = iter(wanted)
    while chunk := list(islice(waiting, _CHUNK)):
        values = ", ".join([marks] * len(chunk))
        yield from connection.execute(select.format(values=values), [part for each in chunk for part in each])
