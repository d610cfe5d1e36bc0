"""From moments in a query to the time in which a run was created."""

from ledger.filters import microseconds_of
from ledger.queries import RunQuery

_EARLIEST, _LATEST = 0, 1 << 62


def span_of(query: RunQuery) -> tuple[int, int] | None:
    """First moment and the one behind the last, in microseconds since 1970 UTC; None for all time.

    Raises:
        InvalidNameError: what is named is no moment.
    """
    if query.started_from is None and query.started_before is None:
        return None
    first = _EARLIEST if query.started_from is None else microseconds_of(query.started_from)
    return first, _LATEST if query.started_before is None else microseconds_of(query.started_before)
