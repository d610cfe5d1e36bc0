"""From batches to rows: what is new of a run is gathered, and written once."""

from dataclasses import dataclass, field

from projections.connection import Connection
from projections.metrics import tables
from projections.metrics.batches import VALUES, Brought, Key, brought_by, joined_kind
from projections.metrics.chunks import add_points
from projections.metrics.points import Points
from projections.metrics.rows import Metric, find_metric
from projections.metrics.source import METRICS
from projections.skipped import note
from schemas.events import RunLoggedEvent
from schemas.registry import is_newer


@dataclass(slots=True)
class _New:
    """What is new of a metric, by stream."""

    kinds: set[str] = field(default_factory=set)
    streams: dict[int, Points] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)

    def add(self, stream: int, brought: Brought) -> None:
        self.kinds |= brought.kinds
        self.columns.update(dict.fromkeys(brought.points.cells))
        self.streams.setdefault(stream, Points()).extend(brought.ordered())


class Fold:
    """Takes in batches of one run in the order of the log, in the caller's transaction."""

    def __init__(self, connection: Connection, run: int) -> None:
        """Fold into the rows of this run."""
        self._connection = connection
        self._run = run
        self._new: dict[Key, _New] = {}

    def take(self, stream: int, batch: RunLoggedEvent) -> None:
        """Take in one batch."""
        for key, brought in brought_by(batch).items():
            self._new.setdefault(key, _New()).add(stream, brought)

    def skip(self, type_name: str) -> None:
        """Pass over an event that cannot be read; once it can, all is folded again."""
        if is_newer(type_name):
            note(self._connection, METRICS, 0, type_name)

    def write(self) -> None:
        """Write what was taken in."""
        for key, new in self._new.items():
            metric = self._metric(key, new)
            for stream, points in new.streams.items():
                if points.times:
                    metric.add(points, stream, add_points(self._connection, metric.number, stream, points))
            self._connection.execute(tables.UPDATE_METRIC, metric.changed())

    def _metric(self, key: Key, new: _New) -> Metric:
        metric = find_metric(self._connection, self._run, key)
        if metric is None:
            made = (self._run, *key, self._unused(key), joined_kind(key.family, new.kinds))
            (number,) = self._connection.execute(tables.INSERT_METRIC, made).fetchone()
            metric = Metric(number, *made[1:])
        else:
            metric.kind = joined_kind(key.family, new.kinds | {metric.kind})
        metric.columns = list(dict.fromkeys((*metric.columns, *new.columns)))
        return metric

    def _unused(self, key: Key) -> str:
        """The name under which a new metric is shown, for one of the other family may have its own."""
        shown = key.name
        while self._connection.execute(tables.IS_SHOWN, (self._run, shown)).fetchone():
            shown += " (values)" if key.family == VALUES else " (rows)"
        return shown
