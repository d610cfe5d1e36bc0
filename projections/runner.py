"""Bringing a view up to date: one transaction a batch, checkpoint included."""

from collections.abc import Callable, Sequence

from ledger.errors import LogRefusedError, UnavailableError
from ledger.feed import Feed
from projections.batch import BATCH, Filling, next_events
from projections.projection import Projection
from projections.rebuild import rebuild_all
from projections.view import Checkpoint, View

_MUCH = 1_000
"""Events: so many are read while others wait."""

Told = Callable[[int, int], None]
"""Is told how many positions were passed, of how many."""


def catch_up(
    view: View, projection: Projection, feed: Feed, *, at_least: int = 0, batch: int = BATCH, told: Told | None = None
) -> int:
    """As `catch_up_all`, of one projection."""
    return catch_up_all(view, [projection], feed, at_least=at_least, batch=batch, told=told)


def catch_up_all(
    view: View,
    projections: Sequence[Projection],
    feed: Feed,
    *,
    at_least: int = 0,
    batch: int = BATCH,
    told: Told | None = None,
) -> int:
    """Read to the feed's end as it is now, and answer with the position that all these tables then hold.

    Each event is read once for those that are at the same place. After each batch `told` hears how far it is.

    The write transaction is the lock: one process projects at a time, the others find it done.
    Tables of an older version of a projection are built again first, and so are those that lack events
    which this program has learnt to read since, and those that are not there and have much to read: a rebuild
    lets others write meanwhile.

    Raises:
        UnavailableError: the feed does not reach `at_least`.
        LogRefusedError: tables were built from another log, or from more of this one.
        WorkspaceError: tables were built by a newer version of their projection.
    """
    # Fixed before the loop: on a busy log the end would move on for ever.
    end = feed.last_position()
    found = _in_use(view, projections, feed)
    for _, checkpoint in found:
        if checkpoint is not None and checkpoint.position > end and not view.others_fill:
            _refuse_shorter(view, checkpoint, feed)
    position = first = _reached(found)
    if told is not None and first < end:
        told(0, end - first)
    kept: dict[str, Filling] = {}
    while True:
        if to_build := [each for each, at in found if _is_to_build(view, each, at, end)]:
            rebuild_all(view, to_build, feed, told or _tell_nobody)
        elif lagging := [each for each, at in found if at is None or at.position < end]:
            _take_batch(view, lagging, feed, batch, kept)
        else:
            break
        found = _in_use(view, projections, feed)
        position = _reached(found)
        if told is not None:
            told(position - first, end - first)
    if position < at_least:
        raise behind(at_least, position)
    return position


def _is_to_build(view: View, projection: Projection, at: Checkpoint | None, end: int) -> bool:
    return end > _MUCH if at is None else view.is_outdated(projection, at)


def _tell_nobody(_: int, __: int) -> None:
    pass


def _in_use(view: View, projections: Sequence[Projection], feed: Feed) -> list[tuple[Projection, Checkpoint | None]]:
    return [(each, view.in_use(each, feed.log_id)) for each in projections]


def _reached(found: Sequence[tuple[Projection, Checkpoint | None]]) -> int:
    return min(at.position if at else 0 for _, at in found)


def behind(at_least: int, position: int) -> UnavailableError:
    """The error of a question that is ahead of what was read here."""
    return UnavailableError(
        f"position {at_least} is asked for, and the ledger here ends at {position}: it was written elsewhere "
        "and has not arrived yet. Try again."
    )


def _refuse_shorter(view: View, checkpoint: Checkpoint, feed: Feed) -> None:
    # Asked again: another process may have projected what came after the end that was read first.
    end = feed.last_position()
    if checkpoint.position > end:
        raise LogRefusedError(
            f"{view.name} was built up to position {checkpoint.position} and the ledger ends at {end}: an older ledger "
            f"was put in its place. Restore the newer one, or {view.cure}, which is built again."
        )


def _take_batch(
    view: View, projections: Sequence[Projection], feed: Feed, batch: int, kept: dict[str, Filling]
) -> None:
    with view.writing():
        begun = [(each, view.begin(each, feed.log_id)) for each in projections]
        fillings = [_filling(view, each, feed, at, kept) for each, at in begun if not view.is_outdated(each, at)]
        if not fillings:
            return
        start = min(each.position for each in fillings)
        events = next_events(feed, start, [each.position for each in fillings if each.position > start], batch)
        for filling in fillings:
            if filling.position == start:
                filling.write(filling.prepare(events))


def _filling(view: View, projection: Projection, feed: Feed, at: Checkpoint, kept: dict[str, Filling]) -> Filling:
    """The one that took the last batch, unless another process took one since."""
    found = kept.get(projection.name)
    if found is None or found.checkpoint != at:
        found = kept[projection.name] = Filling(view, projection, feed, at, building=False)
    return found
