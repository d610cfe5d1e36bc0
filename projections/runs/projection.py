"""From events to rows of the run table."""

from collections.abc import Mapping, Sequence

from ledger.feed import FeedEvent
from projections.connection import Connection
from projections.projection import write
from projections.runs import tables
from projections.runs.fold import RunsFold


class RunsProjection:
    """A row a run; attributes are numbered in the order of events, so that any replay numbers alike."""

    name: str = "runs"
    version: int = 7
    tables: tuple[str, ...] = tables.TABLES

    def schema(self, suffix: str) -> str:
        """The tables of one generation."""
        return tables.schema(suffix)

    def fold(self, suffix: str) -> RunsFold:
        """A fold of one generation of the tables."""
        return RunsFold(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: Connection, suffix: str) -> None:
        """Take in events: each run that they touch is read once and written once."""
        self.apply_numbered(events, connection, suffix, {})

    def apply_numbered(
        self, events: Sequence[FeedEvent], connection: Connection, suffix: str, runs: Mapping[str, int]
    ) -> None:
        """As `apply`; new runs get these numbers, by id, and the next ones if they are not among them."""
        write(RunsFold(suffix, runs).take(events, connection), connection)
