"""What views forget once personal text was erased: rows anew from events that say so by now, and no free pages."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from ledger.feed import Feed, FeedEvent
from projections.connection import Connection
from projections.metrics.forgetting import forget_metrics
from projections.projection import Projection
from projections.view import View
from schemas.events import PersonalDataErasedEvent

_TABLE = "to_scrub"
_MAKE = "CREATE TABLE IF NOT EXISTS to_scrub (position INTEGER PRIMARY KEY)"
_NOTE = "INSERT INTO to_scrub VALUES (?) ON CONFLICT DO NOTHING"
_IS_DUE = "SELECT 1 FROM to_scrub LIMIT 1"
_DONE = "DELETE FROM to_scrub"


@runtime_checkable
class Forgetful(Protocol):
    """A projection whose rows have personal text."""

    def forget(self, erased: FeedEvent, feed: Feed, connection: Connection, suffix: str) -> None:
        """Make the rows of an erased stream anew from its events up to the erasure, in the caller's transaction."""


def erases(event: FeedEvent) -> bool:
    """Whether personal text is erased by an event."""
    return isinstance(event.event, PersonalDataErasedEvent)


def stretches(events: Sequence[FeedEvent]) -> Iterator[Sequence[FeedEvent]]:
    """Events, cut behind each erasure."""
    start = 0
    for end, event in enumerate(events, 1):
        if erases(event):
            yield events[start:end]
            start = end
    if start < len(events):
        yield events[start:]


def forget(projection: Projection, last: FeedEvent, feed: Feed, connection: Connection, suffix: str) -> None:
    """Let a generation of tables forget what an erasure is about, if this event is one."""
    if not erases(last):
        return
    if isinstance(projection, Forgetful):
        projection.forget(last, feed, connection, suffix)
        forget_metrics(connection, last.envelope.stream)
    connection.execute(_MAKE)
    connection.execute(_NOTE, (last.position,))


def is_to_scrub(view: View) -> bool:
    """Whether something was erased since the view was last scrubbed."""
    connection = view.reading()
    return connection.has_table(_TABLE) and connection.execute(_IS_DUE).fetchone() is not None


def scrub(view: View) -> None:
    """Keep no trace of what was deleted from a view.

    Raises:
        UnavailableError: somebody reads or writes it all the time.
    """
    with view.clear_errors():
        view.scrub()
        if is_to_scrub(view):
            view.reading().execute(_DONE)
