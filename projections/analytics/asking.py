"""Answers in columns to the questions of the SDK, straight from the ledger."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledger.store.database import Database, Recorded
from ledger.tables import TableQuery
from projections.analytics.columns import TABLES
from projections.analytics.events import events_batch
from projections.analytics.experiments import Experiments
from projections.analytics.metrics import metrics_batch
from projections.analytics.reading import History
from projections.analytics.selection import Selection, bounds_of
from projections.analytics.slots import LOG_OF
from schemas.limits import UNSTORABLE
from schemas.streams import CONTROL, VALUES, run_stream, values_streams

_BATCHES_AT_ONCE = 100


class ArrowTables:
    """Reads the ledger as it is."""

    def __init__(self, database: Database) -> None:
        """Answer from this ledger."""
        self._database = database

    def table(self, query: TableQuery) -> pa.Table:
        """The rows in the order of the log."""
        with self._database.clear_errors():
            batches = self._of_runs(query) if query.run_ids else self._of_all(query)
            found = [_narrowed(batch, query) for batch in batches]
        return pa.Table.from_batches(found, schema=TABLES[query.table])

    def _of_all(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        bounds = bounds_of(self._database, Selection(since=query.since, until=query.until))
        history, log = History(self._database, query.experiment), LOG_OF[query.table]
        for places in bounds.ranges[log]:
            yield from (part.rows for part in history.parts(log, places))

    def _of_runs(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        experiments = Experiments(self._database)
        run_ids = [run_id for run_id in dict.fromkeys(query.run_ids) if not UNSTORABLE.search(run_id)]
        rows = sorted(row for run_id in run_ids for row in self._rows_of(run_id, query))
        if query.table == "events":
            yield events_batch(rows, experiments, query.experiment)
            return
        for first in range(0, len(rows), _BATCHES_AT_ONCE):
            yield metrics_batch(rows[first : first + _BATCHES_AT_ONCE], experiments, query.experiment).points

    def _rows_of(self, run_id: str, query: TableQuery) -> Iterator[tuple[Any, ...]]:
        if query.table == "events":
            streams: Sequence[str] = [run_stream(run_id)]
        else:
            streams = [*self._database.heads_of(values_streams(run_id))]
        log = CONTROL if query.table == "events" else VALUES
        for stream in streams:
            for recorded in self._database.stream_events(stream, log=log):
                if _within(recorded, query):
                    yield self._database.plain(recorded)


def _within(recorded: Recorded, query: TableQuery) -> bool:
    at = recorded.recorded_at
    return (query.since is None or at >= query.since) and (query.until is None or at < query.until)


def _narrowed(batch: pa.RecordBatch, query: TableQuery) -> pa.RecordBatch:
    if query.metric is None:
        return batch
    return batch.filter(pc.equal(batch.column("metric"), query.metric))
