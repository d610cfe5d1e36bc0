"""Answers in columns to the questions of the SDK, straight from the ledger, some rows at a time."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ledger.store.database import Database
from ledger.tables import TableQuery, Told, unheard
from projections.analytics.paging import Cursor, TablePage
from projections.analytics.reading import History, Part
from projections.analytics.selection import Selection, bounds_of
from projections.analytics.slots import LOG_OF
from schemas.limits import UNSTORABLE
from schemas.streams import run_stream, values_streams

_BATCHES_OF_A_PAGE = 20
"""Of up to 5,000 points each."""


class ArrowTables:
    """Reads the ledger as it is."""

    def __init__(self, database: Database) -> None:
        """Answer from this ledger."""
        self._database = database

    def table(self, query: TableQuery, told: Told = unheard) -> Iterator[pa.RecordBatch]:
        """The rows in the order of the log, some at a time; `told` hears how many records are read, and of how many."""
        cursor = self._first(query)
        told(0, cursor.total)
        if not cursor.ranges:
            yield TablePage.empty(query.table).rows
        history = self._history(query)
        for places in cursor.ranges:
            for part in history.parts(LOG_OF[query.table], places):
                cursor = cursor.behind(part.beyond)
                told(cursor.total - cursor.left, cursor.total)
                yield _narrowed(part, query)

    def page(self, query: TableQuery, cursor: str | None) -> TablePage:
        """As many rows as are read at once, and the cursor of those behind them; raises InvalidNameError for none.

        What was recorded after the first page is not on the others.
        """
        log_id = self._log_id(query)
        place = self._first(query) if cursor is None else Cursor.parse(cursor, log_id)
        rows = TablePage.empty(query.table).rows
        if place.ranges:
            history = self._history(query, _BATCHES_OF_A_PAGE)
            part = next(history.parts(LOG_OF[query.table], place.ranges[0]))
            place, rows = place.behind(part.beyond), _narrowed(part, query)
        return TablePage(rows, place.text(log_id) if place.ranges else None, place.total - place.left, place.total)

    def _first(self, query: TableQuery) -> Cursor:
        with self._database.clear_errors():
            bounds = bounds_of(self._database, Selection(since=query.since, until=query.until))
        return Cursor.over(bounds.ranges[LOG_OF[query.table]])

    def _history(self, query: TableQuery, batches: int | None = None) -> History:
        return History(self._database, query.experiment, streams=self._streams(query), batches=batches)

    def _streams(self, query: TableQuery) -> list[str] | None:
        """Those of the runs that are named, if any are."""
        if not query.run_ids:
            return None
        run_ids = [run_id for run_id in dict.fromkeys(query.run_ids) if not UNSTORABLE.search(run_id)]
        if query.table == "events":
            return [run_stream(run_id) for run_id in run_ids]
        with self._database.clear_errors():
            return [stream for run_id in run_ids for stream in self._database.heads_of(values_streams(run_id))]

    def _log_id(self, query: TableQuery) -> str:
        with self._database.clear_errors():
            log = self._database.identities().get(LOG_OF[query.table])
        return log.id if log is not None else ""


def _narrowed(part: Part, query: TableQuery) -> pa.RecordBatch:
    if query.metric is None:
        return part.rows
    return part.rows.filter(pc.equal(part.rows.column("metric"), query.metric))
