"""How many runs of which experiment had which status at a position: counted back from how many have it today."""

from collections import Counter
from collections.abc import Sequence

from pydantic_core import from_json

from projections.connection import Connection, Rows
from projections.runs.as_of import CHANGED_RUNS, too_many
from projections.runs.changed import changed_since, there_at
from projections.runs.facets import of_experiment, statuses_of
from projections.runs.folded import Fold
from projections.sql import Sql


def statuses_as_of(
    connection: Connection, fold: Fold, position: int, experiments: Sequence[str]
) -> dict[str, dict[str, int]]:
    """By experiment; it takes the longer the more runs began or changed since. Raises LimitExceededError."""
    there = there_at(connection, position)
    if there is None:
        return {}
    changed = changed_since(connection, position, CHANGED_RUNS + 1)
    if len(changed) > CHANGED_RUNS:
        raise too_many(position)
    counts = {
        name: Counter(statuses_of(connection, [of_experiment(name)]).get(of_experiment(name))) for name in experiments
    }
    later = _later(connection, there.last, [each.run for each in changed])
    for experiment, status, runs in later:
        if experiment in counts:
            counts[experiment][status] -= runs
    folded = fold(position, [each.run_id for each in changed]) if changed else {}
    states = [from_json(folded[each.run_id].state) for each in changed if each.run_id in folded]
    for state in states:
        if state["experiment"] in counts:
            counts[state["experiment"]][state["status"]] += 1
    return {name: dict(+statuses) for name, statuses in counts.items()}


def _later(connection: Connection, last: int, changed: Sequence[int]) -> Rows:
    """Of the runs that began behind one, and of those that have changed: experiment, status, how many."""
    dialect = connection.dialect
    what = f"{dialect.of_state('experiment')}, {dialect.of_state('status')}"
    select = Sql(f"SELECT {what}, count(*) FROM runs r WHERE r.run > ? OR ", [last])
    return connection.execute(*(select + dialect.among("r.run", changed) + Sql(" GROUP BY 1, 2")))
