"""Batches of events, taken into one generation of tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.feed import Feed, FeedEvent
from projections.forgetting import erases, forget, stretches
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
    changes: Changes | None
    """None where it must be found out with the lock: `events` erase something, or the projection writes as it reads."""

    events: Sequence[FeedEvent]
    newer: frozenset[str]
    """Types of events that a later version of this program wrote."""


class Filling:
    """One generation of a projection's tables, and how far this process has filled it.

    What the fold remembers is right as long as nobody else fills the same tables: `is_current` tells.
    """

    def __init__(
        self, view: View, projection: Projection, feed: Feed, checkpoint: Checkpoint, *, building: bool
    ) -> None:
        """Go on at a checkpoint, of the tables in use or of those that a rebuild is making."""
        self.projection = projection
        self.checkpoint = checkpoint
        self._view, self._feed, self._building = view, feed, building
        self._fold = self._new_fold()

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
        found = None if self._fold is None or any(map(erases, known)) else self._fold.take(known, self._view.reading())
        return Prepared(behind, found, known, frozenset(filter(is_newer, types)))

    def write(self, prepared: Prepared) -> None:
        """Carry out what was prepared, with the checkpoint, in the caller's transaction."""
        connection = self._view.reading()
        for type_name in prepared.newer:
            note(connection, self.projection.name, self.checkpoint.generation, type_name)
        if prepared.changes is None:
            self._apply(prepared.events)
        else:
            write(prepared.changes, connection)
        self.checkpoint = prepared.behind
        self._view.note(self.projection, self.checkpoint, building=self._building)

    def _apply(self, events: Sequence[FeedEvent]) -> None:
        connection, suffix = self._view.reading(), self.checkpoint.suffix
        for stretch in stretches(events):
            self.projection.apply(stretch, connection, suffix)
            forget(self.projection, stretch[-1], self._feed, connection, suffix)
        # What it remembers may be what was erased.
        self._fold = self._new_fold()

    def _new_fold(self) -> Fold | None:
        return self.projection.fold(self.checkpoint.suffix) if isinstance(self.projection, Folding) else None


def next_events(feed: Feed, start: int, ahead: Sequence[int], size: int) -> list[FeedEvent]:
    """Up to so many events, not beyond the place where the next tables are: from there they go on as one."""
    events = feed.after(start, size)
    return [event for event in events if event.position <= min(ahead)] if ahead else events
