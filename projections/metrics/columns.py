"""Columns of logged values: numbers of one type lie in an array, all else in a list."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from math import isfinite, nan
from operator import le
from typing import Any, TypeAlias, Union

# Python 3.11 cannot subscribe `array` as the program runs.
Column: TypeAlias = Union["array[Any]", list[Any]]

_CODES = {frozenset({float}): "d", frozenset({int}): "q"}


def column_of(values: list[Any]) -> Column:
    """A column of values, in the smallest form that keeps each as it is."""
    code = _CODES.get(frozenset(map(type, values)))
    if code is None:
        return values
    try:
        return array(code, values)
    except OverflowError:
        return values  # an integer of more than 64 bits


def plain(column: Column) -> list[Any]:
    """The values as a list."""
    return column if isinstance(column, list) else column.tolist()


def joined(column: Column, more: Column) -> Column:
    """One column with another behind it; the first is used up."""
    if not column or not more:
        return column or more
    if isinstance(column, array) and isinstance(more, array) and column.typecode == more.typecode:
        column.extend(more)
        return column
    values = plain(column)
    values.extend(more)
    return values


def is_rising(column: Sequence[int]) -> bool:
    """Whether each number is at least the one before."""
    return all(map(le, column, islice(column, 1, None)))


def taken(column: Column, places: Iterable[int]) -> Column:
    """The values at these places, in their order."""
    if isinstance(column, list):
        return [column[place] for place in places]
    return array(column.typecode, map(column.__getitem__, places))


def finite(column: Column) -> Sequence[float]:
    """The finite numbers; a truth value is none, nor is an integer that no float can hold."""
    if isinstance(column, list):
        floats = [_float(value) for value in column if type(value) is float or type(value) is int]
        return [number for number in floats if isfinite(number)]
    # A sum shows an infinity or a NaN at once; one that is only too large is looked at too.
    if column.typecode == "q" or isfinite(sum(column)):
        return column
    return [number for number in column if isfinite(number)]


def is_numeric(column: Column) -> bool:
    """Whether a column holds a number, finite or not."""
    return not {int, float}.isdisjoint(map(type, column)) if isinstance(column, list) else len(column) > 0


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return nan
