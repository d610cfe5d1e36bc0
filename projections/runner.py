"""Bringing a view up to date: one transaction a batch, checkpoint included."""

from dataclasses import replace

from ledger.errors import UnavailableError
from ledger.feed import Feed, FeedEvent
from projections.projection import Projection
from projections.view import Checkpoint, View
from schemas.events import OpaqueEvent

BATCH = 5_000


def catch_up(view: View, projection: Projection, feed: Feed, *, at_least: int = 0) -> int:
    """Read to the feed's end, and answer with the position that the view then holds.

    The write transaction is the lock: one process projects at a time, the others find it done.

    Raises:
        UnavailableError: the feed does not reach `at_least`.
    """
    while True:
        position = _up_to_date(view, projection, feed)
        if position is None:
            position = _take_batch(view, projection, feed)
        if position >= feed.last_position():
            break
    if position < at_least:
        raise behind(at_least, position)
    return position


def behind(at_least: int, position: int) -> UnavailableError:
    """The error of a question that is ahead of what was read here."""
    return UnavailableError(
        f"position {at_least} is asked for, and the ledger here ends at {position}: it was written elsewhere "
        "and has not arrived yet. Try again."
    )


def applied(view: View, projection: Projection, checkpoint: Checkpoint, events: list[FeedEvent]) -> Checkpoint:
    """The checkpoint behind events that were taken in, in the caller's transaction."""
    if not events:
        return checkpoint
    known = [event for event in events if not isinstance(event.event, OpaqueEvent)]
    projection.apply(known, view.reading(), checkpoint.suffix)
    opaque = checkpoint.opaque + len(events) - len(known)
    return replace(checkpoint, position=events[-1].position, opaque=opaque)


def _up_to_date(view: View, projection: Projection, feed: Feed) -> int | None:
    checkpoint = view.checkpoint(projection)
    if checkpoint is None or checkpoint.log_id != feed.log_id or checkpoint.position < feed.last_position():
        return None
    return checkpoint.position


def _take_batch(view: View, projection: Projection, feed: Feed) -> int:
    with view.writing():
        checkpoint = view.begin(projection, feed.log_id)
        events = feed.after(checkpoint.position, BATCH)
        checkpoint = applied(view, projection, checkpoint, events)
        view.note(projection, checkpoint)
        return checkpoint.position
