"""Reading a journal from any place on, also while it is being written."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger.journal.folder import WriterFolder
from ledger.journal.lines import DamagedLineError, parse

CHUNK_BYTES = 1_000_000


class Spot(NamedTuple):
    """A place in a journal: the number of a file, and the bytes of it that were read."""

    number: int = 1
    offset: int = 0


class Entry(NamedTuple):
    """A record, its length in bytes, and the spot behind it; `content` is None for a damaged one."""

    content: list[Any] | None
    size: int
    behind: Spot


def entries(folder: WriterFolder, start: Spot, *, ended: bool) -> Iterator[Entry]:
    """The records behind a spot, in order.

    While the writer lives, an unfinished last line is left for later; when it has `ended`, such a
    line is a damaged one.
    """
    numbers = folder.files()
    for number in numbers:
        if number < start.number:
            continue
        last = number == numbers[-1]
        spot = start if number == start.number else Spot(number)
        yield from _entries_of(folder, spot, unfinished=ended or not last)


def _entries_of(folder: WriterFolder, spot: Spot, *, unfinished: bool) -> Iterator[Entry]:
    rest = b""
    with folder.file(spot.number).open("rb") as file:
        file.seek(spot.offset)
        offset = spot.offset
        while chunk := file.read(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                offset += len(line) + 1
                if line:  # an empty one is where a half-written record could not be cut off
                    yield _entry(line, Spot(spot.number, offset))
    if rest and unfinished:
        yield Entry(None, len(rest), Spot(spot.number, offset + len(rest)))


def _entry(line: bytes, behind: Spot) -> Entry:
    try:
        return Entry(parse(line), len(line), behind)
    except (DamagedLineError, ValueError):
        return Entry(None, len(line), behind)
