"""A record of a journal as one line: the CRC-32 of its JSON in hex, a space, the JSON.

It can be read with `cut -d" " -f2-`, and a reader finds the next record at the next line whatever
a crash left of this one.
"""

import json
from collections.abc import Callable
from typing import Any
from zlib import crc32

from ledger.values.points import Point

_encode: Callable[[object], str] = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_CRC_DIGITS = 8


class DamagedLineError(ValueError):
    """A line that is not what was written."""


def line(text: str) -> bytes:
    """The line of a record, from its JSON in ASCII."""
    body = text.encode("ascii")
    return b"%08x %b\n" % (crc32(body), body)


def to_json(content: object) -> str:
    """Compact JSON in ASCII; NaN and Infinity as Python's own reader knows them."""
    return _encode(content)


def parse(raw: bytes) -> Any:
    """The content of a line, without its line end.

    Raises:
        DamagedLineError: it is not what was written.
    """
    crc, space, body = raw[:_CRC_DIGITS], raw[_CRC_DIGITS : _CRC_DIGITS + 1], raw[_CRC_DIGITS + 1 :]
    if space != b" " or b"%08x" % crc32(body) != crc:
        raise DamagedLineError(f"a line of {len(raw):,} bytes is not what was written")
    return json.loads(body)


def point_of(content: list[Any], size: int) -> Point:
    """The point that a record holds: `[kind, index, time, name, content, step, description]`."""
    kind, index, time, name, value, step, description = content
    return Point(index, time, kind, name, value, step, description, size)
