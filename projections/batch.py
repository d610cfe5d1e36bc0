"""Batches of events, taken into one generation of tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.feed import Feed, FeedEvent
from projections.projection import Changes, Fold, Folding, Projection, write
from projections.skipped import note
from projections.view import Checkpoint, View
from schemas.events import OpaqueEvent
from schemas.registry import is_newer

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is written of one batch, and the checkpoint behind it."""

    behind: Checkpoint
    changes: Changes
    events: Sequence[FeedEvent]
    """For a projection that writes as it reads."""

    newer: frozenset[str]
    """Types of events that a later version of this program wrote."""


class Filling:
    """One generation of a projection's tables, and how far this process has filled it.

    What the fold remembers is right as long as nobody else fills the same tables: `is_current` tells.
    """

    def __init__(self, view: View, projection: Projection, checkpoint: Checkpoint, *, building: bool) -> None:
        """Go on at a checkpoint, of the tables in use or of those that a rebuild is making."""
        self.projection = projection
        self.checkpoint = checkpoint
        self._view, self._building = view, building
        self._fold: Fold | None = projection.fold(checkpoint.suffix) if isinstance(projection, Folding) else None

    @property
    def position(self) -> int:
        """How far it is filled."""
        return self.checkpoint.position

    def is_current(self) -> bool:
        """Whether the tables are as this process left them."""
        return self._view.checkpoint(self.projection, building=self._building) == self.checkpoint

    def prepare(self, events: Sequence[FeedEvent]) -> Prepared:
        """Look at events in one moment of the tables, and write nothing."""
        known = [event for event in events if not isinstance(event.event, OpaqueEvent)]
        opaque = len(events) - len(known)
        types = {event.envelope.type for event in events if isinstance(event.event, OpaqueEvent)} if opaque else set()
        at = self.checkpoint
        behind = replace(at, position=events[-1].position, opaque=at.opaque + opaque) if events else at
        changes = self._fold.take(known, self._view.reading()) if self._fold is not None else ()
        return Prepared(behind, changes, known, frozenset(filter(is_newer, types)))

    def write(self, prepared: Prepared) -> None:
        """Carry out what was prepared, with the checkpoint, in the caller's transaction."""
        connection = self._view.reading()
        for type_name in prepared.newer:
            note(connection, self.projection.name, self.checkpoint.generation, type_name)
        if self._fold is None:
            self.projection.apply(prepared.events, connection, self.checkpoint.suffix)
        write(prepared.changes, connection)
        self.checkpoint = prepared.behind
        self._view.note(self.projection, self.checkpoint, building=self._building)


def next_events(feed: Feed, start: int, ahead: Sequence[int], size: int) -> list[FeedEvent]:
    """Up to so many events, not beyond the place where the next tables are: from there they go on as one."""
    events = feed.after(start, size)
    return [event for event in events if event.position <= min(ahead)] if ahead else events
