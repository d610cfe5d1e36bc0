"""Which runs shall end: somebody wants them canceled, or they are."""

from collections.abc import Iterable

from ledger.liveness.standings import Standings


class CancelRequests:
    """Answers from ledger.db as it is."""

    def __init__(self, standings: Standings) -> None:
        """Ask where runs stand."""
        self._standings = standings

    def among(self, run_ids: Iterable[str]) -> list[str]:
        """Those of the runs that shall end."""
        return [run_id for run_id in dict.fromkeys(run_ids) if self._shall_end(run_id)]

    def _shall_end(self, run_id: str) -> bool:
        standing = self._standings.of(run_id)
        return standing is not None and standing.shall_end
