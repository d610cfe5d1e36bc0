"""Finding experiments; there are few, and each has its number of runs from the run table."""

import json
import sqlite3

from ledger.errors import ExperimentNotFoundError
from ledger.queries import ExperimentDocument
from projections.experiments.projection import ExperimentState
from projections.runs.documents import iso
from schemas.limits import UNSTORABLE

_SELECT = """SELECT d.experiment_id, d.state, coalesce(e.runs, 0) FROM experiment_documents d
LEFT JOIN experiments e ON e.name = d.name WHERE d.name != ''"""


def find_experiments(connection: sqlite3.Connection) -> list[ExperimentDocument]:
    """Every experiment that is not deleted, by name."""
    rows = connection.execute(f"{_SELECT} ORDER BY d.name, d.experiment_id").fetchall()
    found = ((key, json.loads(text), runs) for key, text, runs in rows)
    return [_document(key, state, runs) for key, state, runs in found if not state["deleted"]]


def find_experiment(connection: sqlite3.Connection, name: str) -> ExperimentDocument:
    """One experiment; raises ExperimentNotFoundError."""
    if UNSTORABLE.search(name):
        raise ExperimentNotFoundError(name)
    for key, text, runs in connection.execute(f"{_SELECT} AND d.name = ?", (name,)).fetchall():
        state = json.loads(text)
        if not state["deleted"]:
            return _document(key, state, runs)
    raise ExperimentNotFoundError(name)


def _document(key: str, state: ExperimentState, runs: int) -> ExperimentDocument:
    found = {
        "experiment_id": key,
        "name": state["name"],
        "tags": state["tags"],
        "archived": state["archived"] is not None,
        "runs": runs,
        "created_utc": iso(state["created"]),
        "created_by": state["created_by"],
    }
    if state["description"] is not None:
        found["description"] = state["description"]
    if state["archived"] is not None:
        found["archived_utc"] = iso(state["archived"])
    return found
