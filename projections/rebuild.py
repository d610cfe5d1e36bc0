"""Building views again beside those in use, and putting them in their place."""

from collections.abc import Callable, Sequence
from time import monotonic, perf_counter, sleep

from ledger.errors import UnavailableError, WorkspaceError
from ledger.feed import Feed, FeedEvent
from projections.batch import BATCH, Filling, next_events
from projections.leftovers import drop_leftovers
from projections.pace import Pace
from projections.projection import Projection
from projections.view import Checkpoint, View

_REST_SECONDS, _LOOK_SECONDS = 1.0, 0.05
LAST = 1_000
"""So many events at most are read while the lock is held, to put the tables in use behind them."""


def rebuild(
    view: View,
    projection: Projection,
    feed: Feed,
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    batch: int | None = None,
) -> Checkpoint:
    """As `rebuild_all`, of one projection."""
    return rebuild_all(view, [projection], feed, progress, batch=batch)[0]


def rebuild_all(
    view: View,
    projections: Sequence[Projection],
    feed: Feed,
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    batch: int | None = None,
) -> list[Checkpoint]:
    """Read everything from zero into new tables, each event once for all of them, then let queries read those.

    Readers go on meanwhile, and others write to the view: the lock is held for the writing of a batch alone,
    about a hundredth of a second while others write, or for `batch` events. Ended half-way, it goes on from
    there when it is called again; called by two processes at once, one waits for the other. `progress` is told
    the position that all have reached, and the last one.

    Raises:
        WorkspaceError: a newer version of a projection is being built, or somebody gave this rebuild up.
    """
    begun = [Filling(view, each, feed, _begun(view, each, feed.log_id), building=True) for each in projections]
    pace = Pace(batch or BATCH, fixed=batch is not None)
    building = begun
    while building:
        end = feed.last_position()
        progress(min(each.position for each in building), end)
        building = _still(view, feed, building, end, pace)
    used = [view.checkpoint(each.projection) or each.checkpoint for each in begun]
    progress(min((each.position for each in used), default=0), feed.last_position())
    return used


def _begun(view: View, projection: Projection, log_id: str) -> Checkpoint:
    with view.writing():
        begun = view.checkpoint(projection, building=True)
        if begun is not None:
            view.refuse_newer(projection, begun)
        if begun is None or (begun.version, begun.log_id) != (projection.version, log_id):
            begun = Checkpoint(projection.version, view.unused_generation(projection), log_id)
            view.make_tables(projection, begun)
            view.note(projection, begun, building=True)
    drop_leftovers(view, projection)
    return begun


def _still(view: View, feed: Feed, building: Sequence[Filling], end: int, pace: Pace) -> list[Filling]:
    """A batch more for those that are furthest behind; what is not done yet goes on."""
    start = min(each.position for each in building)
    events = next_events(feed, start, [each.position for each in building if each.position > start], pace.size)
    taken = [(each, _take(view, each, events)) for each in building if each.position == start]
    pace.held(max((held for _, held in taken if held is not None), default=0.0), len(events), view.written())
    lost = [each for each, held in taken if held is None]
    still = [each for each in building if each not in lost]
    still += [found for each in lost if (found := _taken_over(view, feed, each)) is not None]
    return [each for each in still if each.position < end or not _is_done(view, feed, each)]


def _taken_over(view: View, feed: Feed, filling: Filling) -> Filling | None:
    """Another process rebuilds too, and was faster: go on where it ends; None if it is done."""
    projection, generation = filling.projection, filling.checkpoint.generation
    found = _at_rest(view, projection)
    if found is not None and found.generation == generation:
        return Filling(view, projection, feed, found, building=True)
    used = view.checkpoint(projection)
    if used is None or used.generation < generation:
        raise WorkspaceError(f"the rebuild of {projection.name!r} was given up by somebody else; the view is as it was")
    return None


def _at_rest(view: View, projection: Projection) -> Checkpoint | None:
    """Where a rebuild is that nobody works on: to prepare the same batches as who does would be in vain."""
    found, moved = view.checkpoint(projection, building=True), monotonic()
    while found is not None and monotonic() - moved < _REST_SECONDS:
        sleep(_LOOK_SECONDS)
        before, found = found, view.checkpoint(projection, building=True)
        moved = moved if found == before else monotonic()
    return found


def _take(view: View, filling: Filling, events: Sequence[FeedEvent]) -> float | None:
    """For how many seconds the lock was held; None if the tables are not as they were left."""
    # Prepared before the lock is taken, so that others who write get their turn.
    with view.snapshot():
        if not filling.is_current():
            return None
        prepared = filling.prepare(events)
    with view.writing():
        began = perf_counter()
        if not filling.is_current():
            return None
        filling.write(prepared)
    return perf_counter() - began


def _is_done(view: View, feed: Feed, filling: Filling) -> bool:
    """Whether the tables are in use: what came meanwhile is read with the lock, so that nothing is missed."""
    with view.writing():
        if not filling.is_current():
            return False
        events = feed.after(filling.position, LAST)
        prepared = filling.prepare(events)
        if len(events) == LAST or prepared.behind.position < feed.last_position():
            return False
        _refuse_to_go_back(view, filling.projection, prepared.behind)
        filling.write(prepared)
        view.use(filling.projection, filling.checkpoint)
        view.forget_building(filling.projection)
    drop_leftovers(view, filling.projection)
    return True


def _refuse_to_go_back(view: View, projection: Projection, building: Checkpoint) -> None:
    """Where others fill the view too, they may know more of the log than is here: then it is for them to finish."""
    used = view.checkpoint(projection)
    if view.others_fill and used is not None and used.log_id == building.log_id and used.position > building.position:
        raise UnavailableError(
            f"the view {projection.name!r} has position {used.position}, and the ledger here ends at "
            f"{building.position}: what was written elsewhere has not arrived yet. Try again."
        )
