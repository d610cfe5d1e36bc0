"""A page of a run's metrics: there may be ten thousand, and nobody looks at all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.metrics import MetricSummary
from projections.connection import Connection
from projections.metrics import tables
from projections.metrics.rows import Metric
from schemas.limits import UNSTORABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPageQuery:
    """Metrics whose names hold a text in whatever case, in the order of first use; `skip` are on pages before.

    With `as_of`, as in `SeriesQuery`, as they were.
    """

    run_id: str
    search: str = ""
    limit: int = 24
    skip: int = 0
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class MetricPage:
    """Metrics in short; `found` is how many fit the search, `total` how many the run has."""

    metrics: Sequence[MetricSummary]
    found: int
    total: int


def page_of(connection: Connection, query: MetricPageQuery) -> MetricPage:
    """One page."""
    search = query.search.lower()
    if UNSTORABLE.search(search):
        return MetricPage([], 0, _count(connection, query.run_id, ""))
    rows = connection.execute(tables.SELECT_FOUND, (query.run_id, search, query.limit, query.skip))
    metrics = [Metric.of(row).summary() for row in rows]
    total = _count(connection, query.run_id, "")
    return MetricPage(metrics, _count(connection, query.run_id, search) if search else total, total)


def _count(connection: Connection, run_id: str, search: str) -> int:
    return int(connection.execute(tables.COUNT_FOUND, (run_id, search)).fetchone()[0])
