"""The history and what is latest as batches of columns, read from a ledger: nothing is written."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ledger.store.database import Database
from projections.analytics.events import events_batch
from projections.analytics.experiments import Experiments
from projections.analytics.metrics import metrics_batch
from projections.analytics.selection import Range
from projections.analytics.slots import day_of, start_of
from schemas.events import RunLoggedEvent
from schemas.streams import CONTROL, VALUES, LogName

_EVENTS_AT_ONCE = 25_000
_BATCHES_AT_ONCE = 100
_LOGGED = RunLoggedEvent.type_names()


@dataclass(frozen=True, slots=True)
class Part:
    """Rows, the place behind the last record that was read for them, and how many records could not be read."""

    rows: pa.RecordBatch
    beyond: int
    skipped: int = 0


class History:
    """Reads ranges of places as columns; `only` are the rows of one experiment."""

    def __init__(
        self,
        database: Database,
        only: str | None = None,
        *,
        streams: Sequence[str] | None = None,
        batches: int | None = None,
    ) -> None:
        """Read this ledger, or `streams` of it alone; so many batches of points at once."""
        self._database = database
        self._experiments = Experiments(database)
        self._only = only
        self._streams = streams
        self._batches = batches or _BATCHES_AT_ONCE

    def parts(self, log: LogName, places: Range) -> Iterator[Part]:
        """The rows of a range, some at a time."""
        read = self._events if log == CONTROL else self._metrics
        with self._database.clear_errors():
            yield from read(places)

    def _events(self, places: Range) -> Iterator[Part]:
        begin = places.begin
        while begin < places.beyond:
            rows = self._read(CONTROL, begin, places.beyond - 1, _EVENTS_AT_ONCE)
            begin = rows[-1][0] + 1 if len(rows) == _EVENTS_AT_ONCE else places.beyond
            yield Part(events_batch(rows, self._experiments, self._only), begin)

    def _metrics(self, places: Range) -> Iterator[Part]:
        begin, last = places.begin, places.beyond - 1
        while begin < places.beyond:
            rows = self._read(VALUES, begin, last, self._batches, _LOGGED)
            begin = rows[-1][0] + 1 if len(rows) == self._batches else places.beyond
            points, skipped = metrics_batch(rows, self._experiments, self._only)
            yield Part(points, begin, skipped)

    def _read(
        self, log: LogName, begin: int, last: int, limit: int, types: Sequence[str] = ()
    ) -> list[tuple[Any, ...]]:
        if self._streams is not None:
            return self._database.plain_events_of(self._streams, log, begin, last, limit=limit)
        return self._database.plain_events(log, begin, last, limit=limit, types=types)


def by_day(rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Rows in the order of their record, cut where a day ends in UTC."""
    moments = rows.column("recorded_at").cast(pa.int64()).to_pylist()
    start = 0
    while start < len(moments):
        day = day_of(moments[start])
        end = bisect_left(moments, start_of(day + 1), start)
        yield day, rows.slice(start, end - start)
        start = end
