"""What the watchdog runs after the end of a process that had runs: their ends are recorded, and mailed."""

import os
import time
from collections.abc import Callable, Container
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from ledger.errors import UnavailableError, WorkspaceError
from ledger.journal.folder import Identity, writer_folders
from ledger.offline.ending import note_end
from ledger.offline.scratch import sweep
from ledger.tracking.watching import remove
from runledger.locating import folder_of, is_url
from runledger.tracking import deliver_left_behind
from schemas.errors import LedgerError

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
_MAIL_SECONDS = 20.0


def main(location: str, process: str) -> None:
    """Deliver what the process of that folder left, for as long as there is hope; else the next contact does.

    Workers that outlive it (those of PyTorch look for their parent every few seconds) are waited for as well.
    """
    # Nothing here may start another watchdog.
    os.environ["RUNLEDGER_WATCHDOG"] = "0"
    left = partial(_runs, Path(process).parent.parent, lambda journal: journal.process == process)
    runs = left()
    with suppress(WorkspaceError):
        _deliver_until(location, lambda: not left())
        if not left():
            remove(process)
        if not is_url(location):
            _mail(location)
        _deliver_until(location, lambda: not _runs(Path(process).parent.parent, _works_for(runs, location)))


def main_offline(process: str) -> None:
    """Say in the journals of that process that it has ended, and how; a sync reads it wherever it runs."""
    sweep()
    if not note_end(Path(process)):
        remove(process)


def _runs(journals: Path, is_meant: Callable[[Identity], bool]) -> set[str]:
    """The runs of those journals that are meant."""
    identities = (folder.identity() for folder in writer_folders(journals))
    return {identity.run_id for identity in identities if identity is not None and is_meant(identity)}


def _works_for(runs: Container[str], location: str) -> Callable[[Identity], bool]:
    """Whether a journal is of a process that only logs to one of the runs."""

    def is_meant(identity: Identity) -> bool:
        return identity.begun_by is None and identity.run_id in runs and identity.location == location

    return is_meant


def _deliver_until(location: str, is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_done() and time.monotonic() < deadline:
        _deliver(location)
        if not is_done():
            time.sleep(_PAUSE_SECONDS)


def _deliver(location: str) -> None:
    from runledger.wiring import connect  # noqa: PLC0415 - only where there is something to deliver

    with suppress(UnavailableError), closing(connect(location, seconds=_PAUSE_SECONDS)) as client:
        deliver_left_behind(location, client)


def _mail(location: str) -> None:
    """One pass for the mails of a workspace that nobody may be serving; claims keep it from doubling any."""
    with suppress(LedgerError, OSError):
        # Most workspaces tell nobody anything, and all that does takes long to load.
        if os.environ.get("RUNLEDGER_SMTP_URL") or "channels" in folder_of(location).settings():
            from runledger.alerting import send_due  # noqa: PLC0415
            from runledger.wiring import embedded_workspace  # noqa: PLC0415

            with embedded_workspace(location) as parts:
                send_due(parts, _MAIL_SECONDS)
