"""Columns as bytes, in the smallest of a few forms that give back every value as it was logged (ADR 0055).

The first byte names the form. Numbers are as the machine has them: those that share views have one order of bytes.
"""

import json
import struct
import sys
from array import array
from itertools import accumulate, islice
from operator import sub
from typing import Any

from projections.metrics.columns import Column

_JSON, _RANGE, _SAME, _SHORT, _STEPS = b"j", b"r", b"c", b"f", b"D"
_WIDTHS = "bhi"
_BITS = 63
_FEW = 4
_NUMBERS = struct.Struct("=qqq")


def pack_column(column: Column) -> bytes:
    """The bytes of a column."""
    if isinstance(column, list):
        return _JSON + json.dumps(column, separators=(",", ":"), ensure_ascii=False).encode()
    packed = _packed_floats(column) if column.typecode == "d" else _packed_integers(column)
    return packed or column.typecode.encode() + column.tobytes()


def unpack_column(packed: bytes) -> Column:
    """The column that was packed."""
    content = memoryview(packed)[1:]
    match packed[:1]:
        case b"j":
            values: list[Any] = json.loads(bytes(content))
            return values
        case b"r":
            first, stride, count = _NUMBERS.unpack(content)
            return array("q", range(first, first + stride * count, stride)) if stride else array("q", [first]) * count
        case b"c":
            count = int.from_bytes(content[:8], sys.byteorder)
            return _array("d", content[8:]) * count
        case b"f":
            return array("d", _array("f", content))
        case b"D":
            first = int.from_bytes(content[1:9], sys.byteorder, signed=True)
            return array("q", list(accumulate(_array(chr(content[0]), content[9:]), initial=first)))
        case form:
            return _array(form.decode(), content)


def _packed_integers(column: "array[int]") -> bytes | None:
    """Integers that rise evenly as three numbers, others as the steps between them where these are small."""
    if len(column) < 2:  # noqa: PLR2004 - between two there is a step
        return None
    first, stride, count = column[0], column[1] - column[0], len(column)
    if stride.bit_length() < _BITS and column[-1] == first + stride * (count - 1) and _is_even(column, stride):
        return _RANGE + _NUMBERS.pack(first, stride, count)
    steps = list(map(sub, islice(column, 1, None), column))
    for width in _WIDTHS:
        try:
            narrow = array(width, steps)
        except OverflowError:
            continue
        return _STEPS + width.encode() + column[:1].tobytes() + narrow.tobytes()
    return None


def _is_even(column: "array[int]", stride: int) -> bool:
    if not stride:
        return column == column[:1] * len(column)
    return column == array("q", range(column[0], column[-1] + stride, stride))


def _packed_floats(column: "array[float]") -> bytes | None:
    """Floats that are all the same as one, those of single precision in half the bytes."""
    raw = column.tobytes()
    if len(column) > 1 and raw == raw[:8] * len(column):
        return _SAME + len(column).to_bytes(8, sys.byteorder) + raw[:8]
    # The first few tell of most columns that they are no such.
    if not _is_short(column[:_FEW]) or not _is_short(column):
        return None
    return _SHORT + array("f", column).tobytes()


def _is_short(column: "array[float]") -> bool:
    return array("d", array("f", column)).tobytes() == column.tobytes()


def _array(code: str, content: memoryview) -> "array[Any]":
    found: array[Any] = array(code)
    found.frombytes(content)
    return found
