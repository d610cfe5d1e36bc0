"""A place in a list of runs, as an opaque text that names its log."""

import base64
import re

from ledger.errors import InvalidNameError

Place = tuple[int, int]
"""When a run was created, in microseconds, and its number in the table."""

_FORM = re.compile(r"(.+):(-?[0-9]{1,18}):([0-9]{1,18})")


def write_cursor(log_id: str, place: Place) -> str:
    """The cursor behind a run."""
    text = f"{log_id}:{place[0]}:{place[1]}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(log_id: str, cursor: str) -> Place:
    """The place that a cursor names.

    Raises:
        InvalidNameError: it is no cursor, or one of another ledger.
    """
    found = _FORM.fullmatch(_decoded(cursor))
    if found is None:
        raise InvalidNameError(f"{cursor[:40]!r} is no cursor; take it from the page before, as it is")
    if found[1] != log_id:
        raise InvalidNameError(f"the cursor belongs to log {found[1]}, this is log {log_id}; begin at the first page")
    return int(found[2]), int(found[3])


def _decoded(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        return ""
