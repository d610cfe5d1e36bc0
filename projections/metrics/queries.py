"""Answers about logged values, each from a run that was brought up to date first."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from ledger.errors import BadValueError, UnavailableError
from ledger.feed import Feed
from ledger.metrics import MetricSummary, Scalar, Series, SeriesQuery, Thinned
from ledger.moments import time_of
from ledger.store.database import Database
from ledger.store.tables import offset_of, partition_of
from projections.connection import Connection
from projections.metrics.as_of import TablesThen
from projections.metrics.batches import VALUES
from projections.metrics.charting import Chart, ChartQuery, Source, chart
from projections.metrics.chunks import read_points
from projections.metrics.columns import Column, is_numeric, plain
from projections.metrics.filling import fill, holds
from projections.metrics.paging import MetricPage, MetricPageQuery, page_of
from projections.metrics.points import VALUE, Points, within
from projections.metrics.rows import Metric, last_values, metrics_of
from projections.metrics.thinning import bucket, by_step, cut
from projections.view import View
from schemas import streams
from schemas.limits import UNSTORABLE

T = TypeVar("T")


class Metrics:
    """Each question brings its run up to date first, and no other."""

    def __init__(self, database: Database, view: View) -> None:
        """Answer from a view that is filled from this ledger."""
        self._database = database
        self._view = view
        self._then = TablesThen(database)

    def summaries(self, run_id: str, *, as_of: str | None = None, at_least: int = 0) -> list[MetricSummary]:
        """The metrics of a run in short, in the order of first use."""
        self._check_arrived(at_least)
        return self._asked(run_id, lambda found: [metric.summary() for metric in metrics_of(found, run_id)], [], as_of)

    def series(self, query: SeriesQuery, *, at_least: int = 0) -> list[Series]:
        """Logged points."""
        self._check_arrived(at_least)
        return self._asked(
            query.run_id,
            lambda found: [_series(metric, points) for metric, _, points in _chosen(found, query)],
            [],
            query.as_of,
        )

    def series_of(
        self, run_ids: Sequence[str], name: str | None = None, *, as_of: str | None = None, at_least: int = 0
    ) -> dict[str, list[Series]]:
        """Logged points of several runs by run id, of one metric or of all."""
        queries = [SeriesQuery(run_id=run_id, name=name, as_of=as_of) for run_id in run_ids]
        return {query.run_id: self.series(query, at_least=at_least) for query in queries}

    def thinned(self, query: SeriesQuery, *, buckets: int, at_least: int = 0) -> list[Thinned]:
        """Logged points, thinned for a chart; of rows and tables each column that has a number.

        Raises:
            BadValueError: there are no buckets.
        """
        if buckets < 1:
            raise BadValueError(f"points are thinned to 1 bucket or more, not {buckets}")
        self._check_arrived(at_least)
        return self._asked(
            query.run_id,
            lambda found: [thinned for each in _chosen(found, query) for thinned in _thinned(*each, buckets)],
            [],
            query.as_of,
        )

    def charts(self, query: ChartQuery, *, at_least: int = 0) -> list[Chart]:
        """A chart of each metric that is named, with a line of each run that has it."""
        self._check_arrived(at_least)
        found: dict[str, list[Source]] = {name: [] for name in query.names}
        for run_id in query.run_ids:
            nothing: list[Source] = []
            for source in self._asked(
                run_id, partial(_sources, run_id=run_id, names=query.names), nothing, query.as_of
            ):
                found[source.metric.shown].append(source)
        return [chart(name, sources, query) for name, sources in found.items()]

    def page(self, query: MetricPageQuery) -> MetricPage:
        """Some of a run's metrics in short, and how many there are."""
        return self._asked(query.run_id, partial(page_of, query=query), MetricPage([], 0, 0), query.as_of)

    def named(self, run_id: str, names: Sequence[str], as_of: str | None = None) -> list[MetricSummary]:
        """Those of the named metrics that a run has, or had, in short, in the order of the names."""

        def read(found: Connection) -> list[MetricSummary]:
            return [metric.summary() for name in dict.fromkeys(names) for metric in metrics_of(found, run_id, name)]

        return self._asked(run_id, read, [], as_of)

    def last_values(self, run_ids: Sequence[str], as_of: str | None = None) -> dict[str, dict[str, Scalar]]:
        """The last value of each metric that has values, for each of these runs."""
        return {run_id: self._asked(run_id, partial(last_values, run_id=run_id), {}, as_of) for run_id in run_ids}

    def _check_arrived(self, at_least: int) -> None:
        with self._database.clear_errors():
            if self._database.holds(streams.VALUES, at_least):
                return
            partition = partition_of(at_least)
            end = self._database.progress(streams.VALUES, partition).next_offset
        raise UnavailableError(
            f"offset {offset_of(at_least)} of partition {partition} of the values log is asked for, and the ledger "
            f"here ends before {end}: it was written elsewhere and has not arrived yet. Try again."
        )

    def _asked(self, run_id: str, read: Callable[[Connection], T], nothing: T, as_of: str | None = None) -> T:
        time = None if as_of is None else time_of(Feed("", self._database), as_of)
        with self._database.clear_errors():
            log = self._database.identities().get(streams.VALUES)
        if log is None or UNSTORABLE.search(run_id):
            return nothing
        if time is not None:
            with self._then.of(run_id, time) as then:
                return read(then)
        while True:
            ends = fill(self._view, self._database, log.id, run_id)
            # One moment for all statements; a rebuild may have emptied the tables before it.
            with self._view.clear_errors(), self._view.snapshot() as connection:
                if holds(self._view, connection, log.id, run_id, ends):
                    return read(connection)


def _sources(connection: Connection, run_id: str, names: Sequence[str]) -> list[Source]:
    return [
        Source(run_id, metric, read_points(connection, metric.number))
        for name in dict.fromkeys(names)
        for metric in metrics_of(connection, run_id, name)
    ]


def _chosen(connection: Connection, query: SeriesQuery) -> Iterator[tuple[Metric, Sequence[int], Points]]:
    for metric in metrics_of(connection, query.run_id, query.name):
        points = read_points(connection, metric.number)
        yield metric, *within(points, query.first_step, query.last_step)


def _series(metric: Metric, points: Points) -> Series:
    count = len(points)
    columns = {name: plain(points.cells.get(name, [None] * count)) for name in metric.columns}
    return Series(
        metric.shown,
        metric.kind,
        points.times.tolist(),
        [None] * count if points.steps is None else plain(points.steps),
        columns.get(VALUE, []) if metric.family == VALUES else None,
        None if metric.family == VALUES else columns,
    )


def _thinned(metric: Metric, steps: Sequence[int], points: Points, buckets: int) -> list[Thinned]:
    steps, points = by_step(steps, points)
    slices = cut(steps, buckets)
    if metric.family == VALUES:
        columns: dict[str | None, Column] = {None: points.cells.get(VALUE, [])}
    else:
        columns = {name: points.cells[name] for name in metric.columns if is_numeric(points.cells.get(name, []))}
    return [
        Thinned(metric.shown, name, [bucket(steps, column, each) for each in slices])
        for name, column in columns.items()
    ]
