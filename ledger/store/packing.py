"""Byte strings in a row, packed as netstrings: raw headers, and events on their way to a mapper.

A header of Kafka may have no value at all, which is not an empty one: that is written `-:,`.
"""

from collections.abc import Iterable, Iterator

from schemas.records import Headers

_NOTHING = b"-"


def pack(parts: Iterable[bytes | None]) -> bytes:
    """Netstrings of the parts, in order."""
    return b"".join(b"-:," if part is None else b"%d:%b," % (len(part), part) for part in parts)


def unpack(packed: bytes) -> list[bytes]:
    """The parts that were packed, all of which were there."""
    return [part for part in _parts(packed) if part is not None]


def pack_headers(headers: Headers) -> bytes:
    """Names and values of headers in their order."""
    return pack(part for name, value in headers for part in (name.encode(), value))


def unpack_headers(packed: bytes) -> Headers:
    """The headers that were packed."""
    parts = list(_parts(packed))
    return tuple(((name or b"").decode(), value) for name, value in zip(parts[::2], parts[1::2], strict=True))


def _parts(packed: bytes) -> Iterator[bytes | None]:
    start = 0
    while start < len(packed):
        colon = packed.index(b":", start)
        length = packed[start:colon]
        end = colon + 1 + (0 if length == _NOTHING else int(length))
        yield None if length == _NOTHING else packed[colon + 1 : end]
        start = end + 1
