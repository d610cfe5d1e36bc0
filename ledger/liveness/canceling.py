"""Which runs somebody wants to be canceled."""

from collections.abc import Iterable

from ledger.liveness.standings import Standings
from schemas.statuses import RunStatus


class CancelRequests:
    """Answers from ledger.db as it is."""

    def __init__(self, standings: Standings) -> None:
        """Ask where runs stand."""
        self._standings = standings

    def among(self, run_ids: Iterable[str]) -> list[str]:
        """Those of the runs that are CancelRequested."""
        return [run_id for run_id in dict.fromkeys(run_ids) if self._is_requested(run_id)]

    def _is_requested(self, run_id: str) -> bool:
        standing = self._standings.of(run_id)
        return standing is not None and standing.status == RunStatus.CANCEL_REQUESTED
