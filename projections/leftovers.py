"""Tables that nobody needs any more: of earlier generations, and of rebuilds that were given up."""

from projections.projection import Projection
from projections.skipped import forget
from projections.view import View


def drop_leftovers(view: View, projection: Projection) -> int:
    """Drop the tables of generations that are neither in use nor being made, and tell how many.

    Each in a transaction of its own, for a large one takes a while. Killed in between, the rest is found the next time.
    """
    found = view.leftovers(projection)
    for table, generation in found:
        with view.writing():
            if generation in _needed(view, projection):
                continue  # another process has begun to make it
            view.drop_table(table, generation)
            forget(view.reading(), projection.name, generation)
    return len(found)


def give_up(view: View, projection: Projection) -> None:
    """Give up a rebuild, if one was begun: its tables are left over then."""
    with view.writing():
        view.forget_building(projection)


def _needed(view: View, projection: Projection) -> set[int]:
    found = (view.checkpoint(projection, building=building) for building in (False, True))
    return {checkpoint.generation for checkpoint in found if checkpoint is not None}
