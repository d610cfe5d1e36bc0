"""What views forget once personal text was erased: rows anew from events that say so by now, and no free pages."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from ledger.errors import UnavailableError
from ledger.feed import Feed, FeedEvent
from projections.metrics.forgetting import forget_metrics
from projections.projection import Projection
from projections.view import View
from schemas.events import PersonalDataErasedEvent

_MAKE = "CREATE TABLE IF NOT EXISTS to_scrub (position INTEGER PRIMARY KEY)"
_HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'to_scrub'"
_NOTE = "INSERT OR IGNORE INTO to_scrub VALUES (?)"
_IS_DUE = "SELECT 1 FROM to_scrub LIMIT 1"
_DONE = "DELETE FROM to_scrub"
_SEARCHED = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5 (%'"
_WAIT_SECONDS, _PAUSE_SECONDS = 60.0, 0.1


@runtime_checkable
class Forgetful(Protocol):
    """A projection whose rows have personal text."""

    def forget(self, erased: FeedEvent, feed: Feed, connection: sqlite3.Connection, suffix: str) -> None:
        """Make the rows of an erased stream anew from its events up to the erasure, in the caller's transaction."""


def stretches(events: Sequence[FeedEvent]) -> Iterator[Sequence[FeedEvent]]:
    """Events, cut behind each erasure."""
    start = 0
    for end, event in enumerate(events, 1):
        if isinstance(event.event, PersonalDataErasedEvent):
            yield events[start:end]
            start = end
    if start < len(events):
        yield events[start:]


def forget(projection: Projection, last: FeedEvent, feed: Feed, connection: sqlite3.Connection, suffix: str) -> None:
    """Let a generation of tables forget what an erasure is about, if this event is one."""
    if not isinstance(last.event, PersonalDataErasedEvent):
        return
    if isinstance(projection, Forgetful):
        projection.forget(last, feed, connection, suffix)
        forget_metrics(connection, last.envelope.stream)
    connection.execute(_MAKE)
    connection.execute(_NOTE, (last.position,))


def is_to_scrub(view: View) -> bool:
    """Whether something was erased since the pages of the file were last freed of what is no more."""
    connection = view.reading()
    return connection.execute(_HAS_TABLE).fetchone() is not None and bool(connection.execute(_IS_DUE).fetchone())


def scrub(view: View) -> None:
    """Write the file anew without what was deleted from it, its search index and its write-ahead log.

    Raises:
        UnavailableError: somebody reads or writes the file all the time.
    """
    with view.clear_errors():
        connection = view.reading()
        for (name,) in connection.execute(_SEARCHED).fetchall():
            # Deleted words stay in the segments of an index until these are one.
            connection.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")
        connection.execute("VACUUM")
        _empty_wal(view)
        if is_to_scrub(view):
            connection.execute(_DONE)


def _empty_wal(view: View) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while view.reading().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            raise UnavailableError(f"{view.path} is read all the time, so its old pages cannot be freed yet; try again")
        time.sleep(_PAUSE_SECONDS)
