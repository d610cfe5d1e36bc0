"""A place in a list of runs, as an opaque text that names its log and the order of the list."""

import base64
import json

from ledger.errors import InvalidNameError
from projections.runs.ordering import Placed

_INT64 = 1 << 63


def write_cursor(log_id: str, order: str, place: Placed) -> str:
    """The cursor behind a run."""
    text = json.dumps([log_id, order, *place], ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(log_id: str, order: str, cursor: str) -> Placed:
    """The place that a cursor names.

    Raises:
        InvalidNameError: it is no cursor, or one of another ledger or of a list in another order.
    """
    match _decoded(cursor):
        case [str(log), str(ordered), (None | str() | int() | float()) as value, int(created), int(run)] if (
            -_INT64 <= created < _INT64 and 0 <= run < _INT64 and not isinstance(value, bool) and _fits(value)
        ):
            pass
        case _:
            raise InvalidNameError(f"{cursor[:40]!r} is no cursor; take it from the page before, as it is")
    if log != log_id:
        raise InvalidNameError(f"the cursor belongs to log {log}, this is log {log_id}; begin at the first page")
    if ordered != order:
        raise InvalidNameError("the cursor belongs to a list in another order; begin at the first page")
    return Placed(value, created, run)


def _fits(value: float | str | None) -> bool:
    if isinstance(value, str):
        return "\0" not in value and value.isprintable() | (value.encode("utf-8", "ignore").decode() == value)
    return not isinstance(value, int) or -_INT64 <= value < _INT64


def _decoded(cursor: str) -> object:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    except (ValueError, RecursionError):
        return None
