"""Deleting from the views of this folder what was erased in the log, by whomever."""

from typing import TYPE_CHECKING

from projections.answers import PROJECTIONS
from projections.forgetting import is_to_scrub, scrub
from projections.leftovers import drop_leftovers
from projections.runner import catch_up_all

if TYPE_CHECKING:
    from runledger.wiring import Embedded


def purge_views(parts: "Embedded") -> int:
    """Let every view take in what was erased, and free the pages that held it; answers how many views.

    Raises:
        UnavailableError: the file of the views is in use all the time.
    """
    with parts.view.clear_errors():
        catch_up_all(parts.view, PROJECTIONS, parts.feed)
        for projection in PROJECTIONS:
            # Tables that a killed process left may have what was erased since.
            drop_leftovers(parts.view, projection)
        scrub(parts.view)
    return len(PROJECTIONS)


def purge_if_due(parts: "Embedded") -> None:
    """As `purge_views`, where something was erased since the last time; raises what that does."""
    if is_to_scrub(parts.view):
        purge_views(parts)
