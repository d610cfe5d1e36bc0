"""From moments in a query to the time in which a run was created."""

from datetime import UTC, datetime

from ledger.errors import InvalidNameError
from ledger.queries import RunQuery

_EARLIEST, _LATEST = 0, 1 << 62


def span_of(query: RunQuery) -> tuple[int, int] | None:
    """First moment and the one behind the last, in microseconds since 1970 UTC; None for all time.

    Raises:
        InvalidNameError: what is named is no moment.
    """
    if query.started_from is None and query.started_before is None:
        return None
    first = _EARLIEST if query.started_from is None else _microseconds(query.started_from)
    return first, _LATEST if query.started_before is None else _microseconds(query.started_before)


def _microseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidNameError(f"{text!r} is no moment; write it as 2026-11-25 or 2026-11-25T08:30:00+01:00") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)
