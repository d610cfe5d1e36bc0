"""Building a view again beside the one in use, and putting it in its place."""

from collections.abc import Callable

from ledger.feed import Feed
from projections.projection import Projection
from projections.runner import BATCH, applied
from projections.view import Checkpoint, View


def rebuild(
    view: View, projection: Projection, feed: Feed, progress: Callable[[int, int], None] = lambda *_: None
) -> Checkpoint:
    """Read everything from zero into new tables, then let queries read those.

    Readers go on meanwhile. Ended half-way, it goes on from there when it is called again.
    `progress` is told the position that was reached, and the last one.
    """
    while True:
        with view.writing():
            checkpoint = _begun(view, projection, feed.log_id)
            events = feed.after(checkpoint.position, BATCH)
            checkpoint = applied(view, projection, checkpoint, events)
            if len(events) < BATCH:
                _swap(view, projection, checkpoint)
                return checkpoint
            view.note(projection, checkpoint, building=True)
        progress(checkpoint.position, feed.last_position())


def _begun(view: View, projection: Projection, log_id: str) -> Checkpoint:
    found = view.checkpoint(projection, building=True)
    if found is not None and (found.version, found.log_id) == (projection.version, log_id):
        return found
    if found is not None:
        view.drop_tables(projection, found.generation)
    used = view.checkpoint(projection)
    fresh = Checkpoint(projection.version, used.generation + 1 if used else 1, log_id)
    view.make_tables(projection, fresh)
    view.note(projection, fresh, building=True)
    return fresh


def _swap(view: View, projection: Projection, checkpoint: Checkpoint) -> None:
    used = view.checkpoint(projection)
    view.use(projection, checkpoint)
    view.forget_building(projection)
    if used is not None:
        view.drop_tables(projection, used.generation)
