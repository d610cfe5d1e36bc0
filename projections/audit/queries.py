"""Pages of the audit: the lists that a query names, walked together from the newest position or the oldest."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from ledger.errors import InvalidNameError, LimitExceededError
from ledger.feed import Feed
from ledger.queries import AUDITED_AT_ONCE, AuditDocument, AuditPage, AuditQuery
from projections.audit.documents import entry_of
from projections.audit.fields import fields_of
from projections.audit.lists import Everything, Few, Positions, Reach, Span, about, in_all, marked
from projections.audit.projection import (
    ACTION,
    ACTOR,
    ADDRESS,
    BECAUSE,
    CLIENT,
    EXPERIMENT,
    FIELD,
    KIND,
    NOTIFICATION,
    REFUSED,
)
from projections.connection import Connection
from schemas.events import CommandRefusedEvent, Event, NotificationsClaimedEvent, OpaqueEvent
from schemas.limits import UNSTORABLE

REACH = Reach(rows=20_000, first=64)
"""How far a page looks: about 15 ms."""

_READ = 300
"""How many entries are made for a page, where the lists alone do not decide."""

_LAST = (1 << 62) - 1
_NAME = "SELECT id FROM audit_names WHERE kind = ? AND name = ?"
_STREAM = "SELECT id FROM audit_streams WHERE name = ?"
_NAMES = (
    *(("actor", ACTOR), ("action", ACTION), ("experiment", EXPERIMENT), ("field", FIELD), ("kind", KIND)),
    *(("client", CLIENT), ("address", ADDRESS)),
)


def find_audit(connection: Connection, feed: Feed, query: AuditQuery, *, reach: Reach = REACH) -> AuditPage:
    """A page.

    Raises:
        LimitExceededError: too many entries are asked for.
        InvalidNameError: the cursor is none, or of another ledger.
    """
    if not 1 <= query.limit <= AUDITED_AT_ONCE:
        raise LimitExceededError(f"1 to {AUDITED_AT_ONCE} entries are read at a time, not {query.limit}")
    span = _span(feed, query)
    if query.cursor is not None:
        span = span._replace(start=_read_cursor(feed.log_id, query.cursor))
    lists = None if _asks_unstorable(query) else _lists(connection, feed, query)
    if lists is None:
        return AuditPage([], None)
    entries: list[AuditDocument] = []
    read, behind = 0, None
    for stretch in in_all(lists, _without(connection, query), span, reach):
        for position in stretch.found:
            if len(entries) == query.limit or read == _READ:
                return AuditPage(entries, _cursor(feed.log_id, position))
            entries += _wanted(connection, feed, position, query)
            read += 1
        behind = stretch.behind
    return AuditPage(entries, None if behind is None else _cursor(feed.log_id, behind))


def _span(feed: Feed, query: AuditQuery) -> Span:
    """The positions to look at, in the direction of the page."""
    low, high = 1, _LAST
    if query.since is not None:
        low = feed.position_at(query.since - 1) + 1
    if query.until is not None:
        high = feed.position_at(query.until - 1)
    if query.as_of is not None:
        high = min(high, query.as_of)
    return Span(low, high, 1) if query.oldest_first else Span(high, low, -1)


def _lists(connection: Connection, feed: Feed, query: AuditQuery) -> list[Positions] | None:
    """The lists that hold what is asked for; None where one of them is empty."""
    backwards = not query.oldest_first
    names = [(kind, text) for attribute, kind in _NAMES if (text := getattr(query, attribute)) is not None]
    if query.refused:
        names.append((REFUSED, ""))
    ids = [_id(connection, _NAME, *name) for name in names]
    if any(found is None for found in ids):
        return None
    lists = [marked(connection, found, backwards=backwards) for found in ids if found is not None]
    if query.stream is not None:
        stream = _id(connection, _STREAM, query.stream)
        if stream is None:
            return None
        lists.append(about(connection, stream, backwards=backwards))
    if query.because_of is not None:
        lists.append(_mailed(connection, feed, query.because_of, backwards=backwards))
    return lists or [Everything(lambda position, limit: feed.places(position, limit, backwards=backwards))]


def _without(connection: Connection, query: AuditQuery) -> list[Positions]:
    """The lists of what is not asked for."""
    refusals = _id(connection, _NAME, REFUSED, "") if query.refused is False else None
    return [] if refusals is None else [marked(connection, refusals, backwards=not query.oldest_first)]


def _mailed(connection: Connection, feed: Feed, cause: int, *, backwards: bool) -> Positions:
    """What was claimed because of a position, and what came of it."""
    found: set[int] = set()
    for position in _all(connection, _id(connection, _NAME, BECAUSE, str(cause))):
        found.add(position)
        claimed = feed.at(position)
        event = claimed.event if claimed is not None else None
        for claim in event.notifications if isinstance(event, NotificationsClaimedEvent) else ():
            if claim.trigger == cause:
                found.update(_all(connection, _id(connection, _NAME, NOTIFICATION, claim.notification)))
    return Few(sorted(found, reverse=backwards), -1 if backwards else 1)


def _all(connection: Connection, name: int | None) -> Iterator[int]:
    rows = connection.execute("SELECT position FROM audit_marks WHERE name = ? ORDER BY position", (name,))
    return (position for (position,) in rows.fetchall())


def _wanted(connection: Connection, feed: Feed, position: int, query: AuditQuery) -> list[AuditDocument]:
    happened = feed.at(position)
    if happened is None or not _may_say(happened.event, query):
        return []
    entry = entry_of(connection, feed, happened)
    if query.field is None:
        return [entry]
    changes = [change for change in entry["changes"] if change["field"] == query.field]
    if query.value is not None:
        changes = [change for change in changes if str(change["after"]) == query.value]
    return [entry] if changes else []


def _may_say(event: Event | OpaqueEvent, query: AuditQuery) -> bool:
    """Whether a field may have come to have the value that is asked for: what stood before is dear to find."""
    if query.value is None or not isinstance(event, Event) or isinstance(event, CommandRefusedEvent):
        return True
    return str(fields_of(event).get(query.field or "")) == query.value


def _id(connection: Connection, select: str, *values: object) -> int | None:
    row = connection.execute(select, values).fetchone()
    return row[0] if row else None


def _asks_unstorable(query: AuditQuery) -> bool:
    texts = [getattr(query, attribute) for attribute, _ in _NAMES]
    return any(UNSTORABLE.search(text) for text in (*texts, query.stream) if text)


def _cursor(log_id: str, position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([log_id, position]).encode()).decode().rstrip("=")


def _read_cursor(log_id: str, cursor: str) -> int:
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        found = None
    match found:
        case [str(log), int(position)] if 0 <= position <= _LAST:
            if log != log_id:
                raise InvalidNameError(
                    f"the cursor belongs to log {log}, this is log {log_id}; begin at the first page"
                )
            return position
        case _:
            raise InvalidNameError(f"{cursor[:40]!r} is no cursor; take it from the page before, as it is")
