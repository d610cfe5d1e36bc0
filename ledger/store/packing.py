"""Byte strings in a row, packed as netstrings: raw headers, and events on their way to a mapper."""

from collections.abc import Iterable

from schemas.records import Headers

_NAMES = "surrogateescape"
"""How bytes of a name that are no UTF-8 are kept (PEP 383)."""


def pack(parts: Iterable[bytes]) -> bytes:
    """Netstrings of the parts, in order."""
    return b"".join(b"%d:%b," % (len(part), part) for part in parts)


def unpack(packed: bytes) -> list[bytes]:
    """The parts that were packed."""
    parts, start = [], 0
    while start < len(packed):
        colon = packed.index(b":", start)
        end = colon + 1 + int(packed[start:colon])
        parts.append(packed[colon + 1 : end])
        start = end + 1
    return parts


def pack_headers(headers: Headers) -> bytes:
    """Names and values of headers in their order; behind them the numbers of those without a value, if any are."""
    parts = [part for name, value in headers for part in (name.encode(errors=_NAMES), value or b"")]
    without = [b"%d" % number for number, (_, value) in enumerate(headers) if value is None]
    return pack([*parts, b" ".join(without)] if without else parts)


def unpack_headers(packed: bytes) -> Headers:
    """The headers that were packed."""
    parts = unpack(packed)
    without = {int(number) for number in parts.pop().split()} if len(parts) % 2 else set()
    return tuple(
        (name.decode(errors=_NAMES), None if number in without else value)
        for number, (name, value) in enumerate(zip(parts[::2], parts[1::2], strict=True))
    )
