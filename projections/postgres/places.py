"""Values as bytes that are in the order of the values: numbers before texts, as SQLite has them."""

from math import inf, nextafter
from struct import pack, unpack

from projections.postgres.long_texts import shortened

_NUMBER, _TEXT = b"\x01", b"\x02"
_EXACT = 1 << 53
_SIGN, _ALL = 1 << 63, (1 << 64) - 1


def place_of(value: float | str) -> bytes:
    """The bytes of a value; those of 1 and 1.0 are the same, and of integers of 64 bits no two."""
    if isinstance(value, str):
        return _TEXT + shortened(value).encode()
    number = float(value)
    if not isinstance(value, int) or -_EXACT <= value <= _EXACT:
        return _NUMBER + _bytes(number)
    # The float below it, and how far it lies above that.
    below = number if number <= value else nextafter(number, -inf)
    rest = value - int(below)
    return _NUMBER + _bytes(below) + (rest.to_bytes(2, "big") if rest else b"")


def _bytes(number: float) -> bytes:
    # Without -0.0, which is equal to 0.0.
    (bits,) = unpack(">Q", pack(">d", number + 0.0))
    return int.to_bytes(bits ^ _ALL if bits & _SIGN else bits | _SIGN, 8, "big")
