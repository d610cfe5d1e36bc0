"""Runs and their children: counted from facets, and shown with their parents."""

import json
import sqlite3
from collections.abc import Sequence

from ledger.queries import RunDocument
from projections.runs.documents import document
from projections.runs.facets import of_parent, statuses_of


def add_children(connection: sqlite3.Connection, documents: Sequence[RunDocument]) -> None:
    """Note in each run that has children how many of them have which status, archived ones too."""
    counts = statuses_of(connection, [of_parent(run["run_id"]) for run in documents])
    for run in documents:
        children = counts.get(of_parent(run["run_id"]))
        if children is not None:
            run["children"] = {"count": sum(children.values()), "statuses": children}


def parents_of(connection: sqlite3.Connection, documents: Sequence[RunDocument]) -> list[RunDocument]:
    """The parents of runs that are not among them, in the order of their children."""
    shown = {run["run_id"] for run in documents}
    wanted = dict.fromkeys(run["parent_run_id"] for run in documents if run.get("parent_run_id") not in {None, *shown})
    found = []
    for run_id in wanted:
        row = connection.execute("SELECT number, state FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if row is not None:
            found.append(document(run_id, row[0], json.loads(row[1])))
    add_children(connection, found)
    return found
