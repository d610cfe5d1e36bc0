"""Joining the parts of a training process: a tracker on a workspace, and where its journals lie."""

import atexit
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.client import Client
from ledger.errors import UnavailableError
from ledger.journal.places import fallbacks, journals_of
from ledger.tracking.recovery import has_dead_writer, recover
from runledger.canceling import upkeep_of
from runledger.locating import folder_of, is_url
from runledger.settings import resolve
from schemas.errors import LedgerError
from schemas.limits import Limits

if TYPE_CHECKING:
    from ledger.tracking.tracker import Tracker

_AFTERMATH = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
def run():
    from runledger.process import tune_collector
    tune_collector()
    from runledger.aftermath import main
    main(sys.argv[2], sys.argv[3])
try:
    run()
except ModuleNotFoundError:
    import site
    site.main()
    run()
"""
"""It begins without `site`, which takes its time, and does without it unless a package is found by it alone."""

WATCHERS = (
    "ledger/watchdog/program.py",
    "from runledger.aftermath import main",  # and main_offline
    "from runledger.supervising import main",
)
"""What stands on the command lines of watchdogs and supervisors, which see to the runs of other processes."""

REPORT_SECONDS = {False: 1.0, True: 2.0}
"""How often it is told which writers are alive, and asked which runs shall be canceled; a URL less often."""

CALL_SECONDS = 3.0
"""How long a call of a training script tries to reach its server, before it goes on without."""


_log = logging.getLogger(__name__)


def track(location: str) -> "Tracker":
    """A tracker for the runs of this process; what dead processes left is delivered first.

    Raises:
        WorkspaceError: it is no workspace, or cannot be used from here.
    """
    from ledger.tracking.settling import settle  # noqa: PLC0415 - the aftermath of a process needs neither
    from ledger.tracking.tracker import Tracker  # noqa: PLC0415

    name = name_of(location)

    def connect() -> Client:
        from runledger.wiring import connect as connect_to  # noqa: PLC0415 - heavy parts load on first use

        return connect_to(location, seconds=CALL_SECONDS)

    tracker = Tracker(
        connect,
        name,
        journals_for(location),
        Limits(),
        _aftermath(location),
        REPORT_SECONDS[is_url(location)],
        upkeep_of(location),
        lambda: _is_on_one_host(location),
    )
    tracker.open()
    atexit.register(settle, tracker)
    return tracker


def deliver_left_behind(location: str, client: Client) -> list[str]:
    """Deliver what dead processes of this host left of a workspace's runs; later, if the ledger is away.

    Runs that were to be canceled long ago end too, unless a server sees to them.
    """
    name, found = name_of(location), []
    for journals in fallbacks(journals_for(location)):
        try:
            if has_dead_writer(journals, name):
                found += recover(journals, name, client, Limits())
        except UnavailableError:
            return found
    upkeep = upkeep_of(location)
    if upkeep is not None:
        try:
            upkeep(client)
        except LedgerError as error:
            _log.warning("runs that shall be canceled could not be looked after: %s", error)
    return found


def watchdog_is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether somebody shall see how this process ends."""
    return environment.get("RUNLEDGER_WATCHDOG", "1").lower() not in {"0", "false", "no", "off"}


def _aftermath(location: str) -> list[str] | None:
    """The command that is run after the end of a process that had runs; None if that is turned off."""
    if not watchdog_is_wanted(os.environ):
        return None
    paths = [str(Path(path or ".").absolute()) for path in sys.path]
    place = location if is_url(location) else name_of(location)
    return [sys.executable, "-S", "-c", _AFTERMATH, json.dumps(paths), place]


def _is_on_one_host(location: str) -> bool:
    """Whether all processes of a workspace run here: a folder is one host's, a server or a broker everybody's."""
    return not is_url(location) and resolve(os.environ, folder_of(location).settings())["log"].value == "sqlite"


def name_of(location: str) -> str:
    """The one name of a workspace, however its path was written."""
    return location.rstrip("/") if is_url(location) else str(folder_of(location).path.parent.resolve())


def journals_for(location: str) -> Path:
    """Where the journals of scripts that write to a workspace lie on this machine."""
    folder = None if is_url(location) else folder_of(location).path
    return journals_of(name_of(location), folder, os.environ)
