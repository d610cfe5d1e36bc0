"""What the server counts and times, for Prometheus."""

from collections.abc import Callable, Iterator
from time import perf_counter

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.commands import Answer, Command
from ledger.liveness.judging import Judgement
from ledger.problems import problem_name
from ledger.wire import name_of
from runledger.liveness import Liveness
from schemas.errors import LedgerError

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_UNEXPECTED = "unexpected"


class Metrics:
    """Figures of one server."""

    def __init__(self, last_position: Callable[[], int], liveness: Liveness) -> None:
        """Count from zero; the function is asked when somebody looks."""
        self._registry = CollectorRegistry()
        self._results = Counter(
            "runledger_commands", "Commands by what became of them.", ["command", "result"], registry=self._registry
        )
        self._seconds = Histogram(
            "runledger_command_seconds",
            "Time from a command to its answer.",
            ["command"],
            registry=self._registry,
            buckets=_BUCKETS,
        )
        position = Gauge("runledger_last_position", "Position of the last accepted event.", registry=self._registry)
        position.set_function(last_position)
        self._registry.register(_Silences(liveness))

    def observed(self, command: Command, carry_out: Callable[[], Answer]) -> Answer:
        """Carry out a command, and note its time and result."""
        name, result, began = name_of(command), _UNEXPECTED, perf_counter()
        try:
            answer = carry_out()
            result = "changed" if answer.changed else "unchanged"
        except LedgerError as error:
            result = problem_name(type(error))
            raise
        finally:
            self._seconds.labels(name).observe(perf_counter() - began)
            self._results.labels(name, result).inc()
        return answer

    def register(self, collector: Collector) -> None:
        """Show what a part of the server tells of itself, too."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


class _Silences(Collector):
    """What this server heard and judged."""

    def __init__(self, liveness: Liveness) -> None:
        self._liveness = liveness

    def collect(self) -> Iterator[Metric]:
        reporting, judging = self._liveness.reporting, self._liveness.judging
        heard = "Writers that this server heard of, in its last interval."
        yield GaugeMetricFamily("runledger_writers_heard", heard, reporting.writers)
        records = "Presence records that this server wrote."
        yield CounterMetricFamily("runledger_presence_records", records, reporting.records)
        runs = "Runs of which any server heard, and that have not ended."
        yield GaugeMetricFamily("runledger_runs_listened_for", runs, judging.runs)
        listened = "For how long this server has read the logs without a break."
        yield GaugeMetricFamily("runledger_listened_seconds", listened, judging.listened)
        judged = CounterMetricFamily("runledger_judgements", "What this server said of silent runs.", labels=["said"])
        for judgement in Judgement:
            judged.add_metric([judgement], judging.judgements[judgement])
        yield judged
