"""What becomes of runs that a script leaves open when it ends."""

import logging

from ledger.commands import ChangeStatus
from ledger.errors import RunCanceled, WorkspaceError
from ledger.tracking.failure import error_of
from ledger.tracking.tracker import Tracker
from ledger.watchdog.evidence import last_exception
from schemas.errors import LedgerError
from schemas.statuses import RunStatus

_log = logging.getLogger(__name__)


def settle(tracker: Tracker) -> None:
    """End the runs that this process began and did not end, and deliver what is left; at the script's end.

    It never raises: nothing may change how the script ends.
    """
    try:
        # Where a watchdog looks on, it will know the exit code, and we do not.
        for run_id in [] if tracker.is_watched else tracker.unended():
            _settle(tracker, run_id)
        tracker.close(at_end=True)
        # The first process of a container waits at its end until its watchdog has delivered what lies there.
        tracker.leave()
    except WorkspaceError as error:
        _log.debug("the workspace is gone: %s", error)
    except (LedgerError, OSError) as error:
        _log.warning("the last of what was tracked waits in its journal: %s", error)


def _settle(tracker: Tracker, run_id: str) -> None:
    error = last_exception()
    if isinstance(error, RunCanceled) and error.run_id == run_id:
        tracker.end(ChangeStatus(run_id=run_id, status=RunStatus.CANCELED))
    elif isinstance(error, KeyboardInterrupt):
        tracker.end(ChangeStatus(run_id=run_id, status=RunStatus.CANCELED, reason="interrupted"))
    elif error is not None:
        tracker.end(ChangeStatus(run_id=run_id, status=RunStatus.FAILED, error=error_of(error)))
    else:
        tracker.end(
            ChangeStatus(
                run_id=run_id,
                status=RunStatus.COMPLETED,
                reason="the script ended without ending its run",
                certainty="the interpreter came to its end and no exception was left; the exit code is not known",
            )
        )
