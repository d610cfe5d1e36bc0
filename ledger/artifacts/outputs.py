"""Files that a script writes into folders of its own, and that become files of its run (parity B4, C3)."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger.artifacts.upload import Upload
from ledger.artifacts.uploading import upload_each
from ledger.artifacts.walking import changed_below, state_below
from ledger.client import Client
from ledger.commands import RunCommand, WarnRun
from ledger.errors import DeniedError, UnavailableError
from schemas.errors import LedgerError

FOLDERS = ("outputs", "logs")
"""The folders that scripts of the original write to."""

_SHOWN = 3

_log = logging.getLogger(__name__)


class Outputs:
    """Folders, and what was in them when the run began: that is not the run's."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Look at folders, each of which gives its name to what is in it."""
        self._before = {folder: state_below(folder, folder.name) for folder in folders}

    def changed(self) -> list[Upload]:
        """What is new or was written to since."""
        return [
            Upload(name, path)
            for folder, before in self._before.items()
            for name, path in changed_below(folder, before, folder.name)
        ]


def bring(
    client: Callable[[], Client], run_id: str, execute: Callable[[RunCommand], None], uploads: Sequence[Upload]
) -> bool:
    """Store files of a run, and mark the run with a warning that names those that could not be stored.

    It never raises: the end of a run does not depend on its files (section 7, defect 4 of the parity
    report). False if the ledger could not be reached, and trying again may help.
    """
    try:
        problems = upload_each(client(), run_id, execute, uploads)
    except (UnavailableError, DeniedError) as error:
        _warn(run_id, execute, f"{len(uploads):,} file(s) were not uploaded: {error}")
        return False
    except LedgerError as error:
        problems = [error]
    if problems:
        more = f" (and {len(problems) - _SHOWN:,} more)" if problems[_SHOWN:] else ""
        text = "; ".join(str(problem) for problem in problems[:_SHOWN])
        _warn(run_id, execute, f"{len(problems):,} file(s) were not uploaded: {text}{more}")
    return True


def _warn(run_id: str, execute: Callable[[RunCommand], None], message: str) -> None:
    _log.warning("run %s: %s", run_id, message)
    try:
        execute(WarnRun(run_id=run_id, source="outputs", code="not-uploaded", message=message))
    except LedgerError as error:
        _log.warning("run %s could not be marked: %s", run_id, error)
