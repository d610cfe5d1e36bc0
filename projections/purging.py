"""Deleting from a view what was erased in the log, wherever its tables have it."""

from collections.abc import Sequence

from ledger.feed import Feed
from projections.forgetting import scrub
from projections.leftovers import drop_leftovers, give_up
from projections.projection import Projection
from projections.runner import catch_up_all
from projections.view import View


def purge(view: View, projections: Sequence[Projection], feed: Feed) -> None:
    """Let tables take in what was erased, drop those that never will, and free the pages that held it.

    A rebuild that was begun is given up: nobody knows whether it goes on, and its tables may have the text.

    Raises:
        UnavailableError: others use the view all the time.
    """
    with view.clear_errors():
        catch_up_all(view, projections, feed)
        for projection in projections:
            if view.checkpoint(projection, building=True) is not None:
                give_up(view, projection)
            drop_leftovers(view, projection)
        scrub(view)
