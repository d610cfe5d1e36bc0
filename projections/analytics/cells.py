"""Cells of many events at once, and those that are not as they should be: an accepted event may hold anything."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import nan

import pyarrow as pa

from ledger.values.forms import NON_FINITE
from projections.analytics.columns import CLAIMED, TEXT

EXACT = 2**53
"""Integers up to here are floats without a loss."""


def moments(times: Sequence[str]) -> pa.Array:
    """Times of envelopes; what is no date of the calendar is null."""
    try:
        return pa.array(times, TEXT).cast(CLAIMED)
    except pa.ArrowInvalid:
        return pa.array([_moment(time) for time in times], CLAIMED)


def texts(values: Sequence[bytes | None]) -> pa.Array:
    """Values of records as text; bytes that are no UTF-8 are written with backslashes."""
    try:
        return pa.array(values, pa.binary()).cast(TEXT)
    except pa.ArrowInvalid:
        return pa.array([None if value is None else value.decode(errors="backslashreplace") for value in values], TEXT)


def number_of(value: object) -> float | None:
    """The number that a logged value is, in its JSON; None for what is none, and for a truth value."""
    match value:
        case bool():
            return None
        case int() | float():
            return _float(value)
        case {"$float": str(name)} if name in NON_FINITE:
            return NON_FINITE[name]
        case _:
            return None


def text_of(value: object) -> str | None:
    """A logged value that is no number as text; an integer that no float holds has its digits here too."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if abs(value) > EXACT:
            return str(value)
        case {"$enc": _}:
            return "(encrypted)"
        case _:
            return None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return nan


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
