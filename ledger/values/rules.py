"""What may be logged, and the form it is kept in (parity 2.C, without the defects of its section 7)."""

import logging
import operator
from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from ledger.errors import BadValueError, LimitExceededError
from ledger.metrics import Scalar
from schemas.limits import NUMBER_DIGITS, UNSTORABLE, Limits

_log = logging.getLogger(__name__)

_PLAIN = frozenset({float, bool, type(None)})
_INT64 = 1 << 63
_TOO_LARGE = 10**NUMBER_DIGITS


def metric_name(name: object, limits: Limits) -> str:
    """A metric's name without spaces around it, which no reader tells apart.

    Raises:
        BadValueError: it is no text, is empty, or holds what cannot be shown.
        LimitExceededError: it is longer than names may be.
    """
    return _name("metric", name, limits.metric_name_length)


def scalar(name: str, value: object, limits: Limits) -> Scalar:
    """One value as it is kept: numbers of any library by their value, what is no value as its `repr`.

    Raises:
        BadValueError: it is a list of values.
        LimitExceededError: it is longer than values may be.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value  # type: ignore[return-value]
    if kind is int and -_INT64 <= value < _INT64:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    if isinstance(value, list | range) or hasattr(value, "__next__"):
        raise BadValueError(f"metric {name!r} was given a {kind.__name__}: use log_list for several values")
    return _cell(f"the value of metric {name!r}", value, limits)


def listed(name: str, values: object, limits: Limits) -> list[Scalar]:
    """The values of a list, a generator or an array with one dimension; there may be none.

    Raises:
        BadValueError: it is no list of single values.
        LimitExceededError: a value is longer than values may be.
    """
    items = _array_items(values)
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise BadValueError(
            f"metric {name!r} was given a {type(values).__name__} where a list is needed: use log for one value"
        )
    return [_item(name, item, limits) for item in items]


def row(name: str, cells: Mapping[str, object], limits: Limits) -> dict[str, Scalar]:
    """The cells of one row by column.

    Raises:
        BadValueError: there are none, or one is a list.
        LimitExceededError: there are too many, or one is too long.
    """
    if not cells:
        raise BadValueError(f"row {name!r} has no columns: use log_row(name, column=value, ...)")
    _check_columns(name, len(cells), limits)
    return {_column(name, key, limits): _row_cell(name, key, cell, limits) for key, cell in cells.items()}


def table(name: str, columns: object, limits: Limits) -> dict[str, list[Scalar]]:
    """The columns of a table; a single value is a column of one row.

    Raises:
        BadValueError: it is no mapping, or its columns differ in length.
        LimitExceededError: there are too many columns, or a cell is too long.
    """
    if not isinstance(columns, Mapping) or not columns:
        raise BadValueError(f'table {name!r} needs a mapping of columns such as {{"x": [1, 2], "y": [3, 4]}}')
    _check_columns(name, len(columns), limits)
    found = {_column(name, key, limits): _table_column(name, cells, limits) for key, cells in columns.items()}
    (first, length), *others = ((key, len(cells)) for key, cells in found.items())
    for key, other in others:
        if other != length:
            raise BadValueError(
                f"Columns must have the same length: in table {name!r} column {first} has {length} "
                f"and column {key} has {other}"
            )
    return found


def parameter(name: str, value: object, limits: Limits) -> Scalar:
    """The value of a parameter: a number, a truth value, nothing, or a text.

    Raises:
        LimitExceededError: it is longer than parameters may be.
    """
    return _cell(f"parameter {name!r}", value, limits)


def step_of(step: object) -> int | None:
    """A step as a whole number.

    Raises:
        BadValueError: it is none, or has more than 64 bits.
    """
    if step is None:
        return None
    try:
        number = int(step) if isinstance(step, float) and step.is_integer() else operator.index(_single(step))
    except (TypeError, OverflowError) as error:
        raise BadValueError(f"a step is a whole number, not {step!r}") from error
    if not -_INT64 <= number < _INT64:
        raise BadValueError(f"a step has at most 64 bits; this one is {step!r}"[:200])
    return number


def _name(what: str, name: object, length: int) -> str:
    if not isinstance(name, str) or not (trimmed := name.strip()):
        raise BadValueError(f"a {what} needs a name that is not empty; got {name!r}")
    if not trimmed.isprintable():
        raise BadValueError(f"{what} name {trimmed!r} holds a character that cannot be shown")
    if len(trimmed) > length:
        raise LimitExceededError(f"a {what} name has at most {length:,} characters; this has {len(trimmed):,}")
    return trimmed


def _column(name: str, key: object, limits: Limits) -> str:
    try:
        return _name("column", key, limits.column_name_length)
    except BadValueError as error:
        raise BadValueError(f"{error} (in {name!r})") from error


def _check_columns(name: str, count: int, limits: Limits) -> None:
    if count > limits.columns:
        raise LimitExceededError(f"{name!r} has {count:,} columns and {limits.columns:,} are allowed")


def _row_cell(name: str, key: str, cell: object, limits: Limits) -> Scalar:
    if isinstance(cell, list | tuple | range):
        raise BadValueError(f"Rows cannot contain list values: column {key} of {name!r}; use log_table")
    return _cell(f"column {key} of {name!r}", cell, limits)


def _table_column(name: str, cells: object, limits: Limits) -> list[Scalar]:
    items = _array_items(cells)
    if isinstance(items, list | tuple | range) or (hasattr(items, "__iter__") and not isinstance(items, str | Mapping)):
        return [_item(name, item, limits) for item in items]
    return [_cell(f"a cell of {name!r}", items, limits)]


def _item(name: str, item: object, limits: Limits) -> Scalar:
    if type(item) in _PLAIN:
        return item  # type: ignore[return-value]
    if isinstance(item, list | tuple | range | Mapping):
        raise BadValueError(f"{name!r} holds a {type(item).__name__} inside a list: log single values, or use log_row")
    return _cell(f"a value of {name!r}", item, limits)


def _cell(what: str, value: object, limits: Limits) -> Scalar:
    value = _single(value)
    match value:
        case None | bool():
            return value
        case str():
            return _text(what, str(value), limits)
        case Integral():
            return _integer(what, int(value))
        case Real() | Decimal():
            return float(value)
        case _:
            _log.debug("%s is a %s and is kept as its repr", what, type(value).__name__)
            return _text(what, repr(value), limits)


def _text(what: str, text: str, limits: Limits) -> str:
    if len(text) > limits.column_value_length:
        raise LimitExceededError(f"{what} has {len(text):,} characters and {limits.column_value_length:,} are allowed")
    return UNSTORABLE.sub("\ufffd", text)


def _integer(what: str, number: int) -> int:
    if not -_TOO_LARGE < number < _TOO_LARGE:
        raise LimitExceededError(f"{what} is an integer with more than {NUMBER_DIGITS:,} digits")
    return number


def _single(value: Any) -> Any:
    """The value inside a numpy scalar, or a torch-like tensor with one element."""
    item = getattr(value, "item", None)
    if item is None or isinstance(value, Mapping) or any(length != 1 for length in getattr(value, "shape", (0,))):
        return value
    return item()


def _array_items(values: Any) -> Any:
    """The elements of an array of any library as plain values, which is much faster than one by one."""
    to_list = getattr(values, "tolist", None)
    return values if to_list is None else to_list()
