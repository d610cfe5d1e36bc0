"""Bringing a view up to date: one transaction a batch, checkpoint included."""

from collections.abc import Callable

from ledger.errors import LogRefusedError, UnavailableError
from ledger.feed import Feed
from projections.batch import BATCH, applied
from projections.projection import Projection
from projections.rebuild import rebuild
from projections.view import Checkpoint, View

Told = Callable[[int, int], None]
"""Is told how many positions were passed, of how many."""


def catch_up(
    view: View, projection: Projection, feed: Feed, *, at_least: int = 0, batch: int = BATCH, told: Told | None = None
) -> int:
    """Read to the feed's end as it is now, and answer with the position that the view then holds.

    After each batch `told` hears how far it is.

    The write transaction is the lock: one process projects at a time, the others find it done.
    Tables of an older version of the projection are built again first, and so are those that lack events
    which this program has learnt to read since.

    Raises:
        UnavailableError: the feed does not reach `at_least`.
        LogRefusedError: the view was built from another log, or from more of this one.
        WorkspaceError: the view was built by a newer version of the projection.
    """
    # Fixed before the loop: on a busy log the end would move on for ever.
    end = feed.last_position()
    checkpoint = view.in_use(projection, feed.log_id)
    if checkpoint is not None and checkpoint.position > end and not view.others_fill:
        _refuse_shorter(view, checkpoint, feed)
    first = checkpoint.position if checkpoint else 0
    if told is not None and first < end:
        told(0, end - first)
    while checkpoint is None or checkpoint.position < end or view.is_outdated(projection, checkpoint):
        if checkpoint is not None and view.is_outdated(projection, checkpoint):
            checkpoint = rebuild(view, projection, feed, batch=batch)
        else:
            checkpoint = _take_batch(view, projection, feed, batch)
        if told is not None:
            told(checkpoint.position - first, end - first)
    if checkpoint.position < at_least:
        raise behind(at_least, checkpoint.position)
    return checkpoint.position


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


def _take_batch(view: View, projection: Projection, feed: Feed, batch: int) -> Checkpoint:
    with view.writing():
        checkpoint = view.begin(projection, feed.log_id)
        if view.is_outdated(projection, checkpoint):
            return checkpoint
        checkpoint = applied(view, projection, checkpoint, feed.after(checkpoint.position, batch), feed)
        view.note(projection, checkpoint)
        return checkpoint
