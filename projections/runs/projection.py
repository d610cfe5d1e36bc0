"""From events to rows of the run table."""

from collections.abc import Sequence

from ledger.feed import Feed, FeedEvent
from projections.connection import Connection
from projections.projection import write
from projections.runs import tables
from projections.runs.changed import known_of_run
from projections.runs.fold import RunsFold
from schemas.streams import run_stream

_RUN = run_stream("")


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
        write(RunsFold(suffix).take(events, connection), connection)

    def forget(self, erased: FeedEvent, feed: Feed, connection: Connection, suffix: str) -> None:
        """Fold an erased run anew, and drop the facts that no run has any more."""
        stream = erased.envelope.stream
        if stream.startswith(_RUN):
            run_id = stream.removeprefix(_RUN)
            events = known_of_run(feed, run_id, erased.position)
            write(RunsFold(suffix).take_again(run_id, events, connection), connection)
            connection.execute(tables.DROP_UNUSED.format(suffix))
