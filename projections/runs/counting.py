"""How many runs of which experiment had which status at a position: counted from today, or from the beginning."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic_core import from_json

from projections.connection import Connection, Rows
from projections.runs.as_of import CHANGED_RUNS, too_many
from projections.runs.changed import Changed, There, changed_since, there_at
from projections.runs.facets import of_experiment, statuses_of
from projections.runs.folded import Fold
from projections.sql import Sql

Counts = dict[str, Counter[str]]
"""By experiment, then by status."""


def statuses_as_of(
    connection: Connection, fold: Fold, position: int, experiments: Sequence[str]
) -> dict[str, dict[str, int]]:
    """By experiment; it takes the longer the more runs began between it and today. Raises LimitExceededError."""
    there = there_at(connection, position)
    if there is None or not experiments:
        return {}
    changed = changed_since(connection, position, CHANGED_RUNS + 1)
    if len(changed) > CHANGED_RUNS:
        raise too_many(position)
    counts = _unchanged(connection, there, changed, experiments)
    folded = fold(position, [each.run_id for each in changed]) if changed else {}
    states = [from_json(folded[each.run_id].state) for each in changed if each.run_id in folded]
    _add(counts, ((state["experiment"], state["status"], 1) for state in states), 1)
    return {name: dict(+statuses) for name, statuses in counts.items()}


def _unchanged(connection: Connection, there: There, changed: Sequence[Changed], experiments: Sequence[str]) -> Counts:
    """Of the runs that were there, those that are as they were."""
    (runs,) = connection.execute("SELECT coalesce(max(run), 0) FROM runs").fetchone()
    among = connection.dialect.among("r.run", [each.run for each in changed])
    if 2 * there.last < runs:
        counts: Counts = {name: Counter() for name in experiments}
        _add(counts, _counted(connection, Sql("r.run <= ? AND NOT ", [there.last]) + among), 1)
        return counts
    today = statuses_of(connection, map(of_experiment, experiments))
    counts = {name: Counter(today.get(of_experiment(name), {})) for name in experiments}
    _add(counts, _counted(connection, Sql("r.run > ? OR ", [there.last]) + among), -1)
    return counts


def _counted(connection: Connection, which: Sql) -> Rows:
    """Experiment, status, and how many runs."""
    dialect = connection.dialect
    select = Sql(f"SELECT {dialect.of_state('experiment')}, {dialect.of_state('status')}, count(*) FROM runs r WHERE ")
    return connection.execute(*(select + which + Sql(" GROUP BY 1, 2")))


def _add(counts: Counts, found: Iterable[tuple[str, str, int]], times: int) -> None:
    for experiment, status, runs in found:
        if experiment in counts:
            counts[experiment][status] += times * runs
