"""The row of a metric: what a summary tells, and where its last point lies in time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from ledger.metrics import MetricSummary, Scalar
from projections.connection import Connection, Document
from projections.metrics import tables
from projections.metrics.batches import VALUES, Key
from projections.metrics.columns import finite
from projections.metrics.points import VALUE, Points
from schemas.limits import UNSTORABLE


@dataclass(slots=True)
class Metric:
    """One metric of a run; `moment` is the latest time that its last point's writer had logged."""

    number: int
    name: str
    family: str
    shown: str
    kind: str
    count: int = 0
    minimum: float | None = None
    maximum: float | None = None
    columns: list[str] = field(default_factory=list)
    last: dict[str, Scalar] | None = None
    last_step: int | None = None
    last_time: int | None = None
    last_moment: int = -1
    last_stream: int = 0

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The metric in a row."""
        metric = cls(*row)
        metric.columns = json.loads(row[8])
        metric.last = row[9] and json.loads(row[9])
        return metric

    def changed(self) -> tuple[object, ...]:
        """The values of its row that change."""
        columns = Document(json.dumps(self.columns, ensure_ascii=False))
        last = None if self.last is None else Document(json.dumps(self.last, ensure_ascii=False))
        place = (self.last_step, self.last_time, self.last_moment, self.last_stream)
        return (self.kind, self.count, self.minimum, self.maximum, columns, last, *place, self.number)

    def add(self, points: Points, stream: int, moment: int) -> None:
        """Count in points of a stream whose latest time is then `moment`."""
        self.count += len(points)
        if self.family == VALUES and (numbers := finite(points.cells[VALUE])):
            bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
            # Without -0.0, which one store keeps and another does not.
            self.minimum = float(min((*bounds, min(numbers)))) + 0.0
            self.maximum = float(max((*bounds, max(numbers)))) + 0.0
        if (moment, stream) >= (self.last_moment, self.last_stream):
            self.last = {name: column[-1] for name, column in points.cells.items()}
            self.last_step = None if points.steps is None else points.steps[-1]
            self.last_time, self.last_moment, self.last_stream = points.times[-1], moment, stream

    def summary(self) -> MetricSummary:
        """What a question is answered with."""
        last: Scalar | Mapping[str, Scalar] = None
        if self.last is not None:
            last = self.last[VALUE] if self.family == VALUES else {name: self.last.get(name) for name in self.columns}
        return MetricSummary(
            self.shown, self.kind, self.count, last, self.last_step, self.last_time, self.minimum, self.maximum
        )


def find_metric(connection: Connection, run: int, key: Key) -> Metric | None:
    """The metric of a run, if it is there."""
    row = connection.execute(tables.SELECT_METRIC, (run, *key)).fetchone()
    return Metric.of(row) if row else None


def metrics_of(connection: Connection, run_id: str, shown: str | None = None) -> list[Metric]:
    """The metrics of a run in the order of first use: all, or the one that is shown under a name."""
    if shown is None:
        return [Metric.of(row) for row in connection.execute(tables.SELECT_METRICS, (run_id,))]
    if UNSTORABLE.search(shown):
        return []
    return [Metric.of(row) for row in connection.execute(tables.SELECT_SHOWN, (run_id, shown))]


def last_values(connection: Connection, run_id: str) -> dict[str, Scalar]:
    """The last value of each metric of a run that has values."""
    rows = connection.execute(tables.SELECT_LAST_VALUES, (run_id, VALUES))
    return {shown: json.loads(last)[VALUE] for shown, last in rows}
