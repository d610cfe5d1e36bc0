"""The roles about silent and canceled runs: recording who was heard, judging who was not, recovering, ending."""

import asyncio
import logging
from contextlib import suppress

from ledger.errors import UnavailableError
from ledger.liveness.expiring import end_overdue
from runledger.canceling import grace_seconds
from runledger.liveness import Liveness
from runledger.server.roles import Repeating
from runledger.tracking import deliver_left_behind
from runledger.wiring import Embedded, now
from schemas.errors import LedgerError

_ROUND_SECONDS = 1.0
_ROUNDS_PER_DEADLINE = 20
_RECOVER_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Recording:
    """Records what this server has heard, once an interval, and at its end what it heard last."""

    def __init__(self, liveness: Liveness) -> None:
        """Nothing is recorded before it runs."""
        self._liveness = liveness

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop` is set."""
        await Repeating(self._record, self._liveness.deadlines.interval).run(stop)
        with suppress(UnavailableError):
            await asyncio.to_thread(self._record)

    def _record(self) -> None:
        try:
            self._liveness.reporting.report(self._liveness.deadlines.sign_seconds)
        except UnavailableError:
            self._liveness.judging.interrupt()
            raise


def judging(liveness: Liveness) -> Repeating:
    """Judge, some times within a deadline."""
    return Repeating(
        liveness.judging.round, min(_ROUND_SECONDS, liveness.deadlines.not_responding / _ROUNDS_PER_DEADLINE)
    )


def recovering(parts: Embedded) -> Repeating:
    """Deliver what dead scripts of this machine left in the folder, now and then."""

    def recover() -> None:
        try:
            deliver_left_behind(str(parts.folder.path.parent), parts.client)
        except (LedgerError, OSError) as error:
            # What one script left must not end the server for all.
            _log.warning("what dead scripts left could not be delivered: %s", error)

    return Repeating(recover, _RECOVER_SECONDS)


def ending_overdue(parts: Embedded) -> Repeating:
    """Record Canceled for runs that were to be canceled, whose processes did not say so in time.

    Raises:
        WorkspaceError: the grace time is set to what is no number of seconds.
    """
    grace = grace_seconds(parts.folder.settings())
    return Repeating(lambda: _end_overdue(parts, grace))


def _end_overdue(parts: Embedded, grace: float) -> None:
    end_overdue(parts.client, now(), grace)
