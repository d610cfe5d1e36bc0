"""Finding experiments; there are few, and each has its number of runs from the run table."""

import json
from collections.abc import Mapping

from ledger.errors import ExperimentNotFoundError
from ledger.queries import ExperimentDocument
from projections.connection import Connection
from projections.experiments.projection import ExperimentState
from projections.runs.documents import iso
from projections.runs.facets import of_experiment, statuses_of
from schemas.limits import UNSTORABLE

_SELECT = """SELECT d.experiment_id, d.state, coalesce(e.runs, 0), e.active FROM experiment_documents d
LEFT JOIN experiments e ON e.name = d.name WHERE d.name != ''"""


def find_experiments(connection: Connection) -> list[ExperimentDocument]:
    """Every experiment that is not deleted, by name."""
    rows = connection.execute(f"{_SELECT} ORDER BY d.name, d.experiment_id").fetchall()
    found = ((key, json.loads(text), runs, active) for key, text, runs, active in rows)
    return [_counted(connection, *each) for each in found if not each[1]["deleted"]]


def find_experiment(connection: Connection, name: str) -> ExperimentDocument:
    """One experiment; raises ExperimentNotFoundError."""
    if UNSTORABLE.search(name):
        raise ExperimentNotFoundError(name)
    for key, text, runs, active in connection.execute(f"{_SELECT} AND d.name = ?", (name,)).fetchall():
        state = json.loads(text)
        if not state["deleted"]:
            return _counted(connection, key, state, runs, active)
    raise ExperimentNotFoundError(name)


def _counted(
    connection: Connection, key: str, state: ExperimentState, runs: int, active: int | None
) -> ExperimentDocument:
    scope = of_experiment(state["name"])
    return document(key, state, statuses_of(connection, [scope]).get(scope, {}), active) | {"runs": runs}


def document(key: str, state: ExperimentState, statuses: Mapping[str, int], active: int | None) -> ExperimentDocument:
    """The document of an experiment with so many runs of each status, to one of which something last happened then."""
    found = {
        "experiment_id": key,
        "name": state["name"],
        "tags": state["tags"],
        "archived": state["archived"] is not None,
        "runs": sum(statuses.values()),
        "statuses": dict(statuses),
        "last_activity_utc": iso(max(active or 0, state["created"])),
        "created_utc": iso(state["created"]),
        "created_by": state["created_by"],
    }
    if state["description"] is not None:
        found["description"] = state["description"]
    if state["archived"] is not None:
        found["archived_utc"] = iso(state["archived"])
    return found
