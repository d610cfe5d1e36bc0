"""Telling the ledger, now and then, which writers of this process are alive, and keeping what it answers."""

import logging
import time
from collections.abc import Callable, Collection, Iterable

from ledger.client import Client
from ledger.liveness.writers import LiveWriter
from schemas.errors import LedgerError

LONGEST_PAUSE = 10.0

_log = logging.getLogger(__name__)


class Presence:
    """What was reported of this process; `canceled` are the runs that shall be canceled, as last answered.

    A report that fails changes nothing: whether the ledger is away, shipping finds out.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Report every so many seconds, less often after a report that failed."""
        self.canceled: frozenset[str] = frozenset()
        self._seconds = self._pause = seconds
        self._clock = clock
        self._report_at = 0.0
        self._reported: frozenset[LiveWriter] = frozenset()

    def report(self, client: Client, writers: Iterable[LiveWriter]) -> None:
        """Report what lives, and what has left since the last report; nothing before it is time."""
        if self._clock() < self._report_at:
            return
        self._tell(client, frozenset(writers))
        self._report_at = self._clock() + self._pause

    def leave(self, client: Client, staying: Iterable[LiveWriter] = ()) -> None:
        """Say that nobody reports for this process any more; of the writers `staying`, that is no farewell."""
        left = self._reported.difference(staying)
        if left:
            self._tell(client, frozenset(), left)

    def _tell(self, client: Client, writers: frozenset[LiveWriter], left: Collection[LiveWriter] | None = None) -> None:
        left = self._reported - writers if left is None else left
        try:
            if writers or left:
                self.canceled = frozenset(client.report_presence(sorted(writers), sorted(left)))
        except LedgerError as error:
            _log.debug("which writers are alive could not be reported: %s", error)
            self._pause = min(self._pause * 2, max(LONGEST_PAUSE, self._seconds))
        else:
            self._reported, self._pause = writers, self._seconds
