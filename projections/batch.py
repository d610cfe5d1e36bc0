"""One batch of events, taken into one generation of tables."""

from collections.abc import Sequence
from dataclasses import replace

from ledger.feed import Feed, FeedEvent
from projections.forgetting import forget, stretches
from projections.projection import Projection
from projections.skipped import note
from projections.view import Checkpoint, View
from schemas.events import OpaqueEvent
from schemas.registry import is_newer

BATCH = 5_000


def applied(
    view: View, projection: Projection, checkpoint: Checkpoint, events: Sequence[FeedEvent], feed: Feed
) -> Checkpoint:
    """The checkpoint behind events of a feed that were taken in, in the caller's transaction."""
    if not events:
        return checkpoint
    known = [event for event in events if not isinstance(event.event, OpaqueEvent)]
    for type_name in {event.envelope.type for event in events if isinstance(event.event, OpaqueEvent)}:
        if is_newer(type_name):
            note(view.reading(), projection.name, checkpoint.generation, type_name)
    for stretch in stretches(known):
        projection.apply(stretch, view.reading(), checkpoint.suffix)
        forget(projection, stretch[-1], feed, view.reading(), checkpoint.suffix)
    opaque = checkpoint.opaque + len(events) - len(known)
    return replace(checkpoint, position=events[-1].position, opaque=opaque)
