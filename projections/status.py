"""How far each projection has read."""

from dataclasses import dataclass

from ledger.feed import Feed
from projections.answers import PROJECTIONS
from projections.view import View


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """A projection, its tables in use, and the distance to the log's end in events."""

    name: str
    version: int
    generation: int
    position: int
    end: int
    lag: int
    opaque: int


def statuses(feed: Feed, view: View) -> list[ProjectionStatus]:
    """One for each projection."""
    end = feed.last_position()
    found = []
    for projection in PROJECTIONS:
        with view.clear_errors():
            at = view.checkpoint(projection)
        position = at.position if at else 0
        found.append(
            ProjectionStatus(
                projection.name,
                projection.version,
                at.generation if at else 0,
                position,
                end,
                max(end - position, 0),
                at.opaque if at else 0,
            )
        )
    return found
