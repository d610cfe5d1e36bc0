"""The runs below a run, however deep, by few questions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ledger.client import Client
from ledger.queries import RunDocument, RunQuery
from ledger.sdk.listing import pages


def below(client: Client, run_id: str, root_run_id: str, query: RunQuery) -> Iterator[RunDocument]:
    """Runs below a run that match, newest start first; `root_run_id` is the run at the top of its tree."""
    found = pages(client, replace(query, root_run_id=root_run_id, include_children=True))
    if root_run_id == run_id:
        return (each for each in found if each["run_id"] != run_id)
    # A run that is hidden may stand between two that are not.
    family = RunQuery(root_run_id=root_run_id, include_children=True, include_archived=True, as_of=query.as_of)
    parents = {each["run_id"]: each.get("parent_run_id") for each in pages(client, family)}
    return (each for each in found if _is_below(each["run_id"], run_id, parents))


def _is_below(run_id: str, above: str, parents: Mapping[str, str | None]) -> bool:
    seen: set[str | None] = set()
    found = parents.get(run_id)
    # A stranger may have written a circle.
    while found is not None and found not in seen:
        if found == above:
            return True
        seen.add(found)
        found = parents.get(found)
    return False
