"""Ending runs whose requests to cancel have stood for too long."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ledger.client import Client
from ledger.errors import ConflictError, NotFoundError, RefusedError
from ledger.liveness.graces import end_of, is_due, request_in
from ledger.queries import RunDocument, RunQuery
from ledger.targets.target import SCRIPT_RUN
from schemas.statuses import RunStatus

_SUPERVISED_SECONDS = 600.0
"""The least grace of a submitted run: its supervisor kills what does not end, after a grace of its own."""


def end_overdue(client: Client, now: datetime, grace_seconds: float) -> list[str]:
    """Record Canceled for each run whose request is due; answer with them.

    Raises:
        UnavailableError: the ledger cannot be reached; what is left is done next time.
    """
    return [run["run_id"] for run in _requested(client) if _has_ended(client, run, now, grace_seconds)]


def _has_ended(client: Client, run: RunDocument, now: datetime, grace_seconds: float) -> bool:
    seconds = max(grace_seconds, _SUPERVISED_SECONDS) if run.get("run_type") == SCRIPT_RUN else grace_seconds
    request = request_in(run["run_id"], client.history(run["run_id"]))
    if request is None or not is_due(request, now, seconds):
        return False
    try:
        return client.execute(end_of(request, seconds)).changed
    except (RefusedError, ConflictError, NotFoundError):
        # It has ended meanwhile, or another attempt has begun.
        return False


def _requested(client: Client) -> Iterator[RunDocument]:
    query = RunQuery(statuses=[RunStatus.CANCEL_REQUESTED], include_children=True, include_archived=True)
    while True:
        page = client.runs(query)
        yield from page.runs
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)
