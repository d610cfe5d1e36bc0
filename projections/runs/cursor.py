"""A place in a list of runs, as an opaque text that names its log."""

import base64
import binascii
import json

from ledger.errors import InvalidNameError

Place = tuple[int, int]
"""When a run was created, in microseconds, and its number in the table."""


def write_cursor(log_id: str, place: Place) -> str:
    """The cursor behind a run."""
    return base64.urlsafe_b64encode(json.dumps([log_id, *place]).encode()).decode().rstrip("=")


def read_cursor(log_id: str, cursor: str) -> Place:
    """The place that a cursor names.

    Raises:
        InvalidNameError: it is no cursor, or one of another ledger.
    """
    try:
        found, created, run = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = (int(created), int(run))
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidNameError(f"{cursor!r} is no cursor; take it from the page before, as it is") from error
    if found != log_id:
        raise InvalidNameError(f"the cursor belongs to log {found}, this is log {log_id}; begin at the first page")
    return place
