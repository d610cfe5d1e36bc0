"""Comma-separated values that a spreadsheet opens and does not obey."""

import csv
import io
from collections.abc import Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines_of(rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows as lines; a text that would be taken for a formula is told to be a text (OWASP, CSV injection)."""
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode(errors="replace")


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
