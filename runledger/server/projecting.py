"""Keeping the run tables up to date, and saying whether that goes on."""

from ledger.errors import NotReadyError, UnavailableError
from projections.runner import Told
from runledger.purging import purge_if_due
from runledger.wiring import Embedded
from schemas.errors import LedgerError


class Projecting:
    """Fills the run tables; whoever shares them with others finds most of it done."""

    def __init__(self, parts: Embedded, told: Told | None) -> None:
        """`told` hears how far they are, the first time."""
        self._parts, self._told = parts, told
        self._failed: UnavailableError | None = None

    def catch_up(self) -> None:
        """Bring them up to date, and delete what was erased; raises what `Answers.catch_up` raises."""
        try:
            self._parts.queries.catch_up(self._told)
            purge_if_due(self._parts)
        except UnavailableError as error:
            self._failed = error
            raise
        self._told = self._failed = None

    def failing(self) -> LedgerError | None:
        """Why nothing can be found here now."""
        return None if self._failed is None else NotReadyError(f"the views cannot be filled: {self._failed}")
