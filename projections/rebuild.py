"""Building a view again beside the one in use, and putting it in its place."""

from collections.abc import Callable

from ledger.errors import UnavailableError
from ledger.feed import Feed
from projections.batch import BATCH, applied
from projections.projection import Projection
from projections.view import Checkpoint, View


def rebuild(
    view: View,
    projection: Projection,
    feed: Feed,
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    batch: int = BATCH,
) -> Checkpoint:
    """Read everything from zero into new tables, then let queries read those.

    Readers go on meanwhile. Ended half-way, it goes on from there when it is called again; called
    by two processes at once, they share the work. `progress` is told the position that was
    reached, and the last one.

    Raises:
        WorkspaceError: a newer version of the projection is being built.
    """
    begun = _begun(view, projection, feed.log_id)
    building: Checkpoint | None = begun
    while building is not None and building.generation == begun.generation:
        progress(building.position, feed.last_position())
        building = _step(view, projection, feed, building, batch)
    used = view.checkpoint(projection) or begun
    progress(used.position, feed.last_position())
    return used


def _begun(view: View, projection: Projection, log_id: str) -> Checkpoint:
    with view.writing():
        found = view.checkpoint(projection, building=True)
        if found is not None:
            view.refuse_newer(projection, found)
            if (found.version, found.log_id) == (projection.version, log_id):
                return found
            view.drop_tables(projection, found.generation)
        fresh = Checkpoint(projection.version, view.unused_generation(projection), log_id)
        view.make_tables(projection, fresh)
        view.note(projection, fresh, building=True)
        return fresh


def _step(view: View, projection: Projection, feed: Feed, building: Checkpoint, batch: int) -> Checkpoint | None:
    """One batch more; None when it was the last one, and the tables are in use."""
    # Read before the lock is taken, so that questions which wait for it get their turn.
    events = feed.after(building.position, batch)
    with view.writing():
        found = view.checkpoint(projection, building=True)
        if found != building:
            return found  # another process rebuilds too, and was faster
        building = applied(view, projection, building, events, feed)
        if len(events) < batch:
            events = feed.after(building.position, batch)
            building = applied(view, projection, building, events, feed)
        if len(events) < batch:
            _refuse_to_go_back(view, projection, building)
            _swap(view, projection, building)
            return None
        view.note(projection, building, building=True)
        return building


def _refuse_to_go_back(view: View, projection: Projection, building: Checkpoint) -> None:
    """Where others fill the view too, they may know more of the log than is here: then it is for them to finish."""
    used = view.checkpoint(projection)
    if view.others_fill and used is not None and used.log_id == building.log_id and used.position > building.position:
        raise UnavailableError(
            f"the view {projection.name!r} has position {used.position}, and the ledger here ends at "
            f"{building.position}: what was written elsewhere has not arrived yet. Try again."
        )


def _swap(view: View, projection: Projection, checkpoint: Checkpoint) -> None:
    used = view.checkpoint(projection)
    view.use(projection, checkpoint)
    view.forget_building(projection)
    if used is not None:
        view.drop_tables(projection, used.generation)
