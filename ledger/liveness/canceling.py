"""Which runs shall not go on: somebody wants them canceled, or they are."""

from collections.abc import Iterable

from ledger.liveness.standings import Standings
from schemas.statuses import RunStatus

_STOPPED = frozenset({RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED})


class CancelRequests:
    """Answers from ledger.db as it is."""

    def __init__(self, standings: Standings) -> None:
        """Ask where runs stand."""
        self._standings = standings

    def among(self, run_ids: Iterable[str]) -> list[str]:
        """Those of the runs that are CancelRequested, or Canceled: their processes may have heard of neither."""
        return [run_id for run_id in dict.fromkeys(run_ids) if self._is_stopped(run_id)]

    def _is_stopped(self, run_id: str) -> bool:
        standing = self._standings.of(run_id)
        return standing is not None and standing.status in _STOPPED
