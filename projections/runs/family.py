"""Runs and their children: counted from facets, and shown with their parents."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from ledger.queries import RunDocument
from projections.runs.attributes import one
from projections.runs.conditions import Conditions
from projections.runs.documents import document
from projections.runs.facets import of_parent, statuses_of
from projections.runs.matching import Source
from projections.sql import Sql


def add_children(sources: Sequence[Source], documents: Sequence[RunDocument]) -> None:
    """Note in each run that has children how many of them have which status, archived ones too."""
    found = [_statuses(source, [run["run_id"] for run in documents]) for source in sources]
    for run in documents:
        children: Counter[str] = Counter()
        for counts in found:
            children.update(counts.get(run["run_id"], {}))
        if children:
            run["children"] = {"count": children.total(), "statuses": dict(children)}


def parents_of(sources: Sequence[Source], documents: Sequence[RunDocument]) -> list[RunDocument]:
    """The parents of runs that are not among them, in the order of their children."""
    shown = {run["run_id"] for run in documents}
    wanted = dict.fromkeys(run["parent_run_id"] for run in documents if run.get("parent_run_id") not in {None, *shown})
    found = [parent for run_id in wanted for source in sources if (parent := _run(source, run_id)) is not None]
    add_children(sources, found)
    return found


def _statuses(source: Source, run_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """How many children have which status, by parent: as they are counted, or one by one where not all count."""
    if source.limits or not source.has_facets:
        return {run_id: _counted(source, run_id) for run_id in run_ids}
    found = statuses_of(source.connection, map(of_parent, run_ids))
    return {run_id: found[of_parent(run_id)] for run_id in run_ids if of_parent(run_id) in found}


def _counted(source: Source, run_id: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    text = source.connection.dialect.of_state("status")
    status = Sql(f"SELECT (SELECT {text} FROM runs r WHERE r.run = a.run), count(*) FROM ")
    for way in Conditions(source.connection).any_of([one("parent_run_id", run_id)]).ways:
        counts.update(dict(source.connection.execute(*(status + way + _limits(source) + Sql(" GROUP BY 1")))))
    return counts


def _run(source: Source, run_id: str) -> RunDocument | None:
    select = Sql("SELECT a.number, a.state FROM runs a WHERE a.run_id = ?", [run_id]) + _limits(source)
    row = source.connection.execute(*select).fetchone()
    return None if row is None else document(run_id, row[0], json.loads(row[1]))


def _limits(source: Source) -> Sql:
    found = Sql("")
    for limit in source.limits:
        found += Sql(f" AND {limit.probe.text}", limit.probe.values)
    return found
