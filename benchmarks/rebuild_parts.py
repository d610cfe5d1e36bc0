"""What a rebuild's time goes to: reading and decoding, folding, and the store."""

from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

from ledger.feed import Feed, FeedEvent
from ledger.store.database import Database
from projections.connection import Connection
from projections.projection import Changes, Fold, Folding, Projection

READING, FOLDING, WRITING = "reading and decoding", "folding", "writing"


class Parts:
    """Seconds of the processor, by part."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.seconds = dict.fromkeys((READING, FOLDING, WRITING), 0.0)

    def timed(self, part: str, work: Callable[[], Any]) -> Any:
        """What a work comes to."""
        began = process_time()
        try:
            return work()
        finally:
            self.seconds[part] += process_time() - began


class TimedFeed(Feed):
    """A feed of which the reading is timed."""

    def __init__(self, log_id: str, database: Database, parts: Parts) -> None:
        """Read the control log that has this id."""
        super().__init__(log_id, database)
        self._parts = parts

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        """See `Feed.after`."""
        found: list[FeedEvent] = self._parts.timed(READING, lambda: Feed.after(self, position, limit))
        return found


class TimedProjection:
    """A projection of which the fold is timed, and the changes that come of it."""

    def __init__(self, of: Projection, parts: Parts) -> None:
        """Be the same but for that."""
        self.name, self.version, self.tables = of.name, of.version, of.tables
        self.schema, self.apply = of.schema, of.apply
        self._of, self._parts = of, parts

    def fold(self, suffix: str) -> "_TimedFold":
        """A fold of one generation of the tables."""
        if not isinstance(self._of, Folding):
            raise TypeError(f"{self.name} has no fold")
        return _TimedFold(self._of.fold(suffix), self._parts)


class _TimedFold:
    def __init__(self, of: Fold, parts: Parts) -> None:
        self._of, self._parts = of, parts

    def take(self, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        changes: Changes = self._parts.timed(FOLDING, lambda: self._of.take(events, connection))
        return [self._written(change) for change in changes]

    def _written(self, change: Callable[[Connection], object]) -> Callable[[Connection], object]:
        return lambda connection: self._parts.timed(WRITING, lambda: change(connection))
