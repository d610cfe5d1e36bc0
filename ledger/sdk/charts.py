"""JSON of charts that scripts of the original log, checked before it is stored (parity 2.C)."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from ledger.errors import BadValueError

CONFUSION_MATRIX, ACCURACY_TABLE, RESIDUALS, PREDICTIONS = (
    "confusion_matrix",
    "accuracy_table",
    "residuals",
    "predictions",
)
_VERSIONS = {CONFUSION_MATRIX: "1.0.0", ACCURACY_TABLE: "1.0.1", RESIDUALS: "1.0.0", PREDICTIONS: "1.0.0"}
_SHORT = 60
_ABOUT = frozenset({"schema_type", "schema_version"})
_COUNTS = 4
"""True positives, false positives, true negatives, false negatives."""


def chart(kind: str, name: str, value: object) -> bytes:
    """The document of a chart, as JSON; `value` is its JSON, a mapping, or its `data` alone.

    Raises:
        BadValueError: it is no JSON, or not what such a chart is made of; nothing is stored.
    """
    document = _mapping(name, value)
    data = document["data"] if "data" in document else {key: document[key] for key in document if key not in _ABOUT}
    if document.get("schema_type", kind) != kind:
        raise BadValueError(f"metric {name!r}: schema_type is {document['schema_type']!r}, and {kind!r} is logged")
    if not isinstance(data, Mapping):
        raise BadValueError(f"metric {name!r}: data must be an object, not {_short(data)}")
    _CHECKS[kind](_Reader(name, data))
    whole = {"schema_type": kind, "schema_version": document.get("schema_version", _VERSIONS[kind])}
    extra = {key: document[key] for key in document if key not in {*whole, "data"}} if "data" in document else {}
    return json.dumps(whole | extra | {"data": data}, ensure_ascii=False, default=_plain).encode()


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise BadValueError(f"metric {name!r}: Invalid JSON provided: {error}") from error
    if not isinstance(value, Mapping):
        raise BadValueError(f"metric {name!r} must be an object or its JSON, not {_short(value)}")
    return value


class _Reader:
    """Takes parts of a chart, and says where one is not as it should be."""

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        self._name, self._data = name, data

    def refuse(self, text: str) -> BadValueError:
        return BadValueError(f"metric {self._name!r}: {text}")

    def part(self, key: str) -> Any:
        if key not in self._data:
            raise self.refuse(f"it needs {key!r}; it has: {', '.join(map(repr, self._data)) or 'nothing'}")
        return _plain_lists(self._data[key])

    def labels(self, key: str) -> list[Any]:
        found = self.part(key)
        if not isinstance(found, list) or not found or not all(isinstance(each, str | int | float) for each in found):
            raise self.refuse(f"{key!r} must be a list of texts or numbers, not {_short(found)}")
        return found

    def numbers(self, key: str, length: int | None = None) -> list[Any]:
        found = self.part(key)
        if not _are_numbers(found):
            raise self.refuse(f"{key!r} must be a list of numbers, not {_short(found)}")
        if length is not None and len(found) != length:
            raise self.refuse(f"{key!r} must have {length} numbers, and has {len(found)}")
        return list(found)

    def matrix(self, key: str, rows: int, columns: int) -> None:
        found = self.part(key)
        if not isinstance(found, list) or len(found) != rows:
            raise self.refuse(f"{key!r} must have {rows} rows, a row a class; it is {_short(found)}")
        for number, row in enumerate(found):
            if not _are_numbers(row) or len(row) != columns:
                raise self.refuse(f"row {number} of {key!r} must be {columns} numbers, not {_short(row)}")

    def tables(self, key: str, classes: int, thresholds: int) -> None:
        found = self.part(key)
        if not isinstance(found, list) or len(found) != classes:
            raise self.refuse(f"{key!r} must have {classes} tables, one a class; it is {_short(found)}")
        for number, table in enumerate(found):
            if not isinstance(table, list) or len(table) != thresholds:
                raise self.refuse(f"table {number} of {key!r} must have {thresholds} rows, one a threshold")
            if not all(_are_numbers(row) and len(row) == _COUNTS for row in table):
                raise self.refuse(f"each row of table {number} of {key!r} must be [TP, FP, TN, FN]")


def _check_confusion_matrix(reader: _Reader) -> None:
    classes = len(reader.labels("class_labels"))
    reader.matrix("matrix", classes, classes)


def _check_accuracy_table(reader: _Reader) -> None:
    classes = len(reader.labels("class_labels"))
    for kind in ("probability", "percentile"):
        reader.tables(f"{kind}_tables", classes, len(reader.numbers(f"{kind}_thresholds")))


def _check_residuals(reader: _Reader) -> None:
    bins = len(reader.numbers("bin_edges")) - 1
    if bins < 1:
        raise reader.refuse("'bin_edges' must have at least two numbers")
    reader.numbers("bin_counts", bins)


def _check_predictions(reader: _Reader) -> None:
    bins = len(reader.numbers("bin_edges")) - 1
    if bins < 1:
        raise reader.refuse("'bin_edges' must have at least two numbers")
    for key in ("bin_averages", "bin_errors", "bin_counts"):
        reader.numbers(key, bins)


_CHECKS = {
    CONFUSION_MATRIX: _check_confusion_matrix,
    ACCURACY_TABLE: _check_accuracy_table,
    RESIDUALS: _check_residuals,
    PREDICTIONS: _check_predictions,
}


def _are_numbers(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, int | float) and not isinstance(each, bool) and isfinite(each) for each in value
    )


def _plain_lists(value: Any) -> Any:
    """Arrays and tuples as lists."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return [_plain_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise BadValueError(f"a chart is made of JSON, and {_short(value)} is none")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
