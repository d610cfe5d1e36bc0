"""The metrics of runs that go on: no table of runs has them, they are asked of what the runs have logged so far."""

from collections.abc import Callable, Mapping, Sequence

from ledger.metrics import Scalar
from ledger.queries import RunQuery
from projections.connection import Connection
from projections.runs.conditions import LiveMetrics
from projections.runs.ordering import Order
from projections.sql import Sql
from schemas.statuses import TERMINAL, RunStatus

LastValues = Callable[[Sequence[str]], Mapping[str, Mapping[str, Scalar]]]
"""The last value of each metric, for each of some runs."""

LIVE_RUNS = 200
"""Of so many runs that go on, the newest, the metrics are known; an older one is as one without."""

_GOING = [status.value for status in RunStatus if status not in TERMINAL and status is not RunStatus.NOT_STARTED]
_SELECT = f"""SELECT a.run, r.run_id FROM run_attributes a JOIN runs r ON r.run = a.run
WHERE a.attribute IN (SELECT attribute FROM attributes WHERE kind = 'status' AND key = '' AND value IN
({", ".join("?" * len(_GOING))}))"""
_NEWEST = " ORDER BY a.created DESC, a.run DESC LIMIT ?"


def going_on(connection: Connection, experiment: str | None = None) -> dict[str, int]:
    """The newest runs that go on, of one experiment or of all, by id, with their numbers."""
    select = Sql(_SELECT, _GOING)
    if experiment is not None:
        select += Sql(f" AND {connection.dialect.of_state('experiment')} = ?", [experiment])
    rows = connection.execute(*(select + Sql(_NEWEST, [LIVE_RUNS])))
    return {run_id: run for run, run_id in rows}


def live_metrics(going: Mapping[str, int], last_values: LastValues) -> LiveMetrics:
    """The last values of runs that go on, by number."""
    return {going[run_id]: values for run_id, values in last_values(list(going)).items() if values}


def asks_metrics(query: RunQuery) -> bool:
    """Whether the answer depends on metrics."""
    ordered = query.order_by is not None and Order.parse(query.order_by).metric is not None
    chosen = any(name.startswith("metric.") for name in query.columns or ())
    return ordered or chosen or any(chip.field == "metric" for chip in query.filters)
