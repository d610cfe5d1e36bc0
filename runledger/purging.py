"""Deleting from the views of this folder what was erased in the log, by whomever."""

from typing import TYPE_CHECKING

from projections.answers import PROJECTIONS
from projections.forgetting import is_to_scrub
from projections.purging import purge

if TYPE_CHECKING:
    from runledger.wiring import Embedded


def purge_views(parts: "Embedded") -> int:
    """As `projections.purging.purge`, of all views; answers how many."""
    purge(parts.view, PROJECTIONS, parts.feed)
    return len(PROJECTIONS)


def purge_if_due(parts: "Embedded") -> None:
    """As `purge_views`, where something was erased since the last time; raises what that does."""
    if is_to_scrub(parts.view):
        purge_views(parts)
