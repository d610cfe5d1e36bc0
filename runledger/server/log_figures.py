"""What this server appended, read and left behind, for Prometheus."""

from collections.abc import Iterator
from contextlib import suppress

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.errors import UnavailableError
from ledger.logs.measured import BOUNDS, MeasuredLog
from ledger.problems import problem_name
from projections.status import ProjectionStatus, statuses
from runledger.wiring import Embedded
from schemas.errors import LedgerError
from schemas.streams import CONTROL, VALUES, LogName


class LogFigures(Collector):
    """The figures of both logs, and of the views that follow the control log."""

    def __init__(self, parts: Embedded) -> None:
        """Asked when somebody looks."""
        self._parts = parts
        self._logs: tuple[tuple[LogName, MeasuredLog], ...] = ((CONTROL, parts.log), (VALUES, parts.values_log))

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from self._appends()
        yield from self._read()
        words = "Records that break a rule: kept, and passed over by every reader."
        voids = GaugeMetricFamily("runledger_void_records", words, labels=["log"])
        for name, _ in self._logs:
            voids.add_metric([name], self._parts.database.count_voids(name))
        yield voids
        # The other figures are wanted most while the views' database is away.
        with suppress(UnavailableError):
            yield from _of_views(statuses(self._parts.feed, self._parts.view))

    def _appends(self) -> Iterator[Metric]:
        words = "Events that this server appended."
        events = CounterMetricFamily("runledger_appended_events", words, labels=["type"])
        words = "Time from an append to its answer by the log."
        seconds = HistogramMetricFamily("runledger_append_seconds", words, labels=["log"])
        words = "Appends that were not accepted, or of which that is not known."
        failures = CounterMetricFamily("runledger_append_failures", words, labels=["log", "problem"])
        for name, log in self._logs:
            for type_name, count in sorted(log.appends.events.copy().items()):
                events.add_metric([type_name], count)
            seconds.add_metric([name], _cumulated(log.appends.within), log.appends.seconds)
            for kind, count in log.appends.failures.copy().items():
                problem = problem_name(kind) if issubclass(kind, LedgerError) else "unexpected"
                failures.add_metric([name, problem], count)
        yield from (events, seconds, failures)

    def _read(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily("runledger_lag_events", "Records that this server has yet to read.", labels=["log"])
        words = "How long ago this server was known to have read its log to the end."
        seconds = GaugeMetricFamily("runledger_lag_seconds", words, labels=["log"])
        batches = CounterMetricFamily("runledger_tail_batches", "Stretches that were read and stored.", labels=["log"])
        records = CounterMetricFamily("runledger_tail_records", "Records that were read and stored.", labels=["log"])
        figures = {name: log.figures() for name, log in self._logs}
        for name, each in figures.items():
            lag.add_metric([name], each.lag)
            seconds.add_metric([name], each.seconds)
            batches.add_metric([name], each.batches)
            records.add_metric([name], each.records)
        yield from (lag, seconds, batches, records)
        words = "Producers that were dropped after an error."
        yield CounterMetricFamily("runledger_producer_replacements", words, figures[CONTROL].replacements)


def _of_views(views: list[ProjectionStatus]) -> Iterator[Metric]:
    words = "Accepted events that a view has yet to read."
    lag = GaugeMetricFamily("runledger_view_lag_events", words, labels=["projection"])
    words = "Accepted events that this version cannot read, and a view passed over."
    opaque = GaugeMetricFamily("runledger_opaque_events", words, labels=["projection"])
    for view in views:
        lag.add_metric([view.name], view.lag)
        opaque.add_metric([view.name], view.opaque)
    yield from (lag, opaque)


def _cumulated(within: list[int]) -> list[tuple[str, float]]:
    found, total = [], 0
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], within, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
