"""A moment in a run's life as a person names it: a position, a time, or what was changed then."""

from datetime import UTC, datetime

from ledger.errors import InvalidNameError, NotFoundError
from ledger.feed import Feed
from projections.audit.fields import fields_of
from schemas.events import Event

_DIGITS = 18


def position_of(feed: Feed, run_id: str, moment: str) -> int:
    """The position that a moment means.

    `17` is a position; `2026-03-01T12:00:00Z` the last position that was recorded by then (in UTC
    unless a zone is named); `tags.approved=yes` where the field of the run got the value last, and
    `tags.approved` where it was changed last.

    Raises:
        InvalidNameError: it is none of these.
        NotFoundError: the field of the run was never so.
    """
    if moment.isascii() and moment.isdecimal() and len(moment) <= _DIGITS:
        return int(moment)
    time = _time(moment)
    if time is not None:
        return feed.position_at(time)
    field, equals, value = moment.partition("=")
    if not field:
        raise InvalidNameError(f"{moment[:40]!r} is no moment: name a position, a time, or FIELD or FIELD=VALUE")
    return _changed(feed, run_id, field, value if equals else None)


def _time(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _changed(feed: Feed, run_id: str, field: str, value: str | None) -> int:
    for happened in reversed(feed.of_run(run_id)):
        fields = fields_of(happened.event) if isinstance(happened.event, Event) else {}
        if field in fields and (value is None or str(fields[field]) == value):
            return happened.position
    what = f"{field} was never changed" if value is None else f"{field} was never {value!r}"
    raise NotFoundError(f"of run {run_id!r} {what}: `runledger run history` shows what was")
