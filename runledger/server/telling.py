"""The role that tells what alert rules notice, and what it says of itself at /metrics and /readyz."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.errors import NotReadyError, RefusedError
from runledger.settings import resolve
from runledger.wiring import Embedded
from schemas.errors import LedgerError

if TYPE_CHECKING:
    from alerts.deliver.service import AlertService


class Telling(Collector):
    """Sends what is due; before it runs, and on a server without this role, it has nothing to say."""

    def __init__(self, parts: Embedded, environment: Mapping[str, str] = os.environ) -> None:
        """Read the settings of the channels when it begins."""
        self._parts = parts
        self._late_seconds = _late_seconds(environment)
        self._service: AlertService | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; raises NoRelayError."""
        from runledger.alerting import mail_service  # noqa: PLC0415 - a server without alerts needs none of it

        self._service, channels = mail_service(self._parts)
        try:
            await self._service.run(stop)
        finally:
            await channels.close()

    def channels(self) -> list[dict[str, Any]]:
        """How each channel of this server is; of one that was found broken how often, and when it is tried again."""
        if self._service is None:
            return []
        return [
            {
                "name": name,
                "waiting": self._service.backlog.waiting.get(name, 0),
                "failures": lane.breaker.failures,
                "try_at": lane.breaker.try_at if lane.breaker.failures else None,
            }
            for name, lane in self._service.lanes.items()
        ]

    def late(self) -> LedgerError | None:
        """Why this server is not what it should be, if something has waited too long that it could send."""
        seconds = max(self._ages().values(), default=0.0)
        if not self._late_seconds or seconds <= self._late_seconds:
            return None
        return NotReadyError(
            f"the oldest notification has waited for {seconds:.0f} s, and RUNLEDGER_MAIL_LATE_SECONDS allows "
            f"{self._late_seconds:.0f}; `runledger alert history RULE` says why"
        )

    def collect(self) -> Iterator[Metric]:
        """The figures, for Prometheus; those of the log are the same on each server."""
        if self._service is not None:
            yield from _of_log(self._service)
            yield from _of_server(self._service, self._ages())

    def _ages(self) -> Mapping[str, float]:
        """For how many seconds the oldest has waited, by channels that this server has."""
        if self._service is None:
            return {}
        oldest, now = self._service.backlog.oldest, time.time() * 1_000
        return {name: max(0.0, now - oldest[name]) / 1_000 if name in oldest else 0.0 for name in self._service.lanes}


def _of_log(service: "AlertService") -> Iterator[Metric]:
    from alerts.deliver.figures import DELAYS  # noqa: PLC0415 - as above

    figures = service.notifications.figures
    labels = ["rule", "channel", "result"]
    ends = CounterMetricFamily("runledger_notifications", "Notifications by what became of them.", labels=labels)
    for names, count in figures.ends().items():
        ends.add_metric(names, count)
    yield ends
    words = "Attempts that came to nothing, or to nothing certain."
    failures = CounterMetricFamily("runledger_notification_failed_attempts", words, labels=["channel", "outcome"])
    for pair, count in figures.failures().items():
        failures.add_metric(pair, count)
    yield failures
    words = "Time from a change in the log to its sent notification in the log."
    delays = HistogramMetricFamily("runledger_notification_delay_seconds", words, labels=["channel"])
    for channel, (within, count, total) in figures.delays().items():
        bounds = [*map(str, DELAYS), "+Inf"]
        delays.add_metric([channel], list(zip(bounds, [*within, count], strict=True)), total)
    yield delays


def _of_server(service: "AlertService", ages: Mapping[str, float]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("runledger_notifications_waiting", "Notifications that wait.", labels=["channel"])
    oldest = GaugeMetricFamily(
        "runledger_notification_oldest_seconds", "For how long the oldest has waited.", labels=["channel"]
    )
    words = "Whether nothing is sent by a channel because it was found broken."
    breakers = GaugeMetricFamily("runledger_channel_broken", words, labels=["channel"])
    for name, lane in service.lanes.items():
        waiting.add_metric([name], service.backlog.waiting.get(name, 0))
        oldest.add_metric([name], ages.get(name, 0.0))
        breakers.add_metric([name], float(lane.breaker.failures > 0))
    yield from (waiting, oldest, breakers)


def _late_seconds(environment: Mapping[str, str]) -> float:
    text = resolve(environment, {})["mail late seconds"].value or "0"
    try:
        return max(0.0, float(text))
    except ValueError as error:
        raise RefusedError(f"RUNLEDGER_MAIL_LATE_SECONDS is {text!r}; write a number of seconds, or 0") from error
