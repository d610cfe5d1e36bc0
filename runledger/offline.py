"""Joining the parts of a process without a ledger, and of the command that delivers what it noted."""

import atexit
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import UnavailableError
from ledger.journal.places import offline_journals
from ledger.offline.tracker import OfflineTracker
from ledger.tracking.settling import settle
from runledger.tracking import name_of, watchdog_is_wanted
from schemas.limits import Limits

if TYPE_CHECKING:
    from ledger.client import Client

_AFTERMATH = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runledger.aftermath import main_offline
main_offline(sys.argv[2])
"""


def track_offline(location: str) -> OfflineTracker:
    """A tracker for the runs of this process, which sends nothing; `location` is empty where none is named.

    Raises:
        WorkspaceError: no journal can be written.
    """
    name = name_of(location) if location else ""
    journals = offline_journals(name, os.environ)

    def connect(is_own: "Callable[[str], bool]") -> "Client":
        return connect_offline(journals, is_own)

    tracker = OfflineTracker(connect, name, journals, Limits(), aftermath=_aftermath())
    tracker.open()
    atexit.register(settle, tracker)
    return tracker


def connect_offline(journals: Path, is_own: "Callable[[str], bool]" = lambda _: False) -> "Client":
    """A client that answers from the journals of a folder, by way of a scratch ledger on a local disk.

    Its tracker closes it at the end of the script, once the ends of runs are noted.
    """
    from ledger.offline.client import OfflineClient  # noqa: PLC0415 - heavy parts load on first use
    from ledger.offline.scratch import make_scratch, remove_scratch  # noqa: PLC0415
    from ledger.workspace.folder import make_folder  # noqa: PLC0415
    from runledger.wiring import SQLITE, embedded_workspace  # noqa: PLC0415

    # One process alone uses it, so it may lie anywhere.
    anywhere = Path(os.devnull)
    with ExitStack() as stack:
        try:
            folder = make_scratch()
        except OSError as error:
            raise UnavailableError(
                f"there is no place for temporary files ({error}): set TMPDIR to a local folder"
            ) from error
        stack.callback(_in_process(os.getpid(), lambda: remove_scratch(folder)))
        make_folder(folder, log=SQLITE, mounts=anywhere)
        scratch = stack.enter_context(embedded_workspace(str(folder), mounts=anywhere, alone=True)).client
        scratch.on_close(stack.pop_all().close)
    return OfflineClient(scratch, journals, Limits(), is_own=is_own)


def _in_process(process: int, call: "Callable[[], None]") -> "Callable[[], None]":
    """The call in that process, and nothing in one that was forked off."""

    def here() -> None:
        if os.getpid() == process:
            call()

    return here


def _aftermath() -> list[str] | None:
    if not watchdog_is_wanted(os.environ):
        return None
    paths = [str(Path(path or ".").absolute()) for path in sys.path]
    return [sys.executable, "-c", _AFTERMATH, json.dumps(paths)]
