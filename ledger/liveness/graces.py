"""What became of a request to cancel that nobody follows: its text, and when its time is over. No I/O."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from ledger.commands import ChangeStatus
from ledger.queries import HistoryEntry
from schemas.statuses import RunStatus

GRACE_SECONDS = 60.0
"""How long a process that was asked has to end its run; the original has no bound (parity 4: 40 hours)."""


class CancelRequest(NamedTuple):
    """Who asked for a run to be canceled, why, in which event, and when the log took it."""

    run_id: str
    event_id: str
    actor: str
    reason: str | None
    recorded_at: datetime


def canceled_by(actor: str, reason: str | None) -> str:
    """The reason of an end that somebody asked for."""
    return f"canceled by {actor}: {reason}" if reason else f"canceled by {actor}"


def request_in(run_id: str, history: Sequence[HistoryEntry]) -> CancelRequest | None:
    """The last request of a run's history, whatever happened since."""
    for entry in reversed(history):
        if any(each.field == "status" and each.after == RunStatus.CANCEL_REQUESTED for each in entry.changes):
            recorded_at = datetime.fromisoformat(entry.recorded_at)
            return CancelRequest(run_id, entry.event_id, entry.actor, entry.reason, recorded_at)
    return None


def is_due(request: CancelRequest, now: datetime, grace_seconds: float) -> bool:
    """Whether a request has stood for its time."""
    return now - request.recorded_at >= timedelta(seconds=grace_seconds)


def end_of(request: CancelRequest, grace_seconds: float) -> ChangeStatus:
    """The end of a run whose process did not say in time that it ended it.

    The same command whoever makes it, so that it is carried out once, and of no effect after any
    other end.
    """
    return ChangeStatus(
        command=str(uuid5(NAMESPACE_URL, f"runledger:grace:{request.run_id}:{request.event_id}")),
        run_id=request.run_id,
        status=RunStatus.CANCELED,
        reason=f"{canceled_by(request.actor, request.reason)}; its process did not confirm it within "
        f"{grace_seconds:g} s and may still run",
        certainty="nobody saw the process end",
        previous=RunStatus.CANCEL_REQUESTED,
    )
