"""What the watchdog runs after the end of a process that had runs: their ends are recorded, and mailed."""

import os
import time
from contextlib import closing, suppress
from pathlib import Path

from ledger.errors import UnavailableError, WorkspaceError
from ledger.journal.folder import writer_folders
from ledger.tracking.watching import remove
from runledger.locating import is_url
from runledger.tracking import deliver_left_behind
from schemas.errors import LedgerError

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
_MAIL_SECONDS = 20.0


def main(location: str, process: str) -> None:
    """Deliver what the process of that folder left, for as long as there is hope; else the next contact does."""
    # Nothing here may start another watchdog.
    os.environ["RUNLEDGER_WATCHDOG"] = "0"
    if not _speaks_of(Path(process)):
        remove(process)
        return
    ended: list[str] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with suppress(WorkspaceError):
        while _speaks_of(Path(process)) and time.monotonic() < deadline:
            ended += _delivered(location)
            if _speaks_of(Path(process)):
                time.sleep(_PAUSE_SECONDS)
    if ended and not is_url(location):
        _mail(location)


def _speaks_of(process: Path) -> bool:
    """Whether a journal beside the evidence is of this process."""
    identities = (folder.identity() for folder in writer_folders(process.parent.parent))
    return any(identity is not None and identity.process == str(process) for identity in identities)


def _delivered(location: str) -> list[str]:
    from runledger.wiring import connect  # noqa: PLC0415 - only where there is something to deliver

    try:
        with closing(connect(location, seconds=_PAUSE_SECONDS)) as client:
            return deliver_left_behind(location, client)
    except UnavailableError:
        return []


def _mail(location: str) -> None:
    """One pass for the mails of a workspace that nobody may be serving; claims keep it from doubling any."""
    from runledger.wiring import embedded_workspace  # noqa: PLC0415

    with suppress(LedgerError, OSError), embedded_workspace(location) as parts:
        if os.environ.get("RUNLEDGER_SMTP_URL") or "channels" in parts.folder.settings():
            from runledger.alerting import send_due  # noqa: PLC0415 - it takes long to load

            send_due(parts, _MAIL_SECONDS)
