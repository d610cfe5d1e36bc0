"""Storing files that a run has left, whatever comes of it."""

import logging
from collections.abc import Callable, Sequence

from ledger.artifacts.upload import Upload
from ledger.artifacts.uploading import Put, upload_each
from ledger.commands import RunCommand, WarnRun
from ledger.errors import DeniedError, UnavailableError
from schemas.errors import LedgerError

_SHOWN = 3

_log = logging.getLogger(__name__)


def bring(put: Put, run_id: str, execute: Callable[[RunCommand], object], uploads: Sequence[Upload]) -> None:
    """Store files of a run, and mark the run with a warning that names what could not be stored.

    It never raises: how a run ends does not depend on its files, and a lost one is told (parity
    section 7, defect 4).
    """
    try:
        problems = upload_each(put, run_id, execute, uploads)
    except (UnavailableError, DeniedError) as error:
        _warn(run_id, execute, f"{len(uploads):,} file(s) were not uploaded: {error}")
    except LedgerError as error:
        _warn(run_id, execute, f"files were not uploaded: {error}")
    else:
        if problems:
            more = f" (and {len(problems) - _SHOWN:,} more)" if problems[_SHOWN:] else ""
            text = "; ".join(str(problem) for problem in problems[:_SHOWN])
            _warn(run_id, execute, f"{len(problems):,} file(s) were not uploaded: {text}{more}")


def _warn(run_id: str, execute: Callable[[RunCommand], object], message: str) -> None:
    _log.warning("run %s: %s", run_id, message)
    try:
        execute(WarnRun(run_id=run_id, source="outputs", code="not-uploaded", message=message))
    except LedgerError as error:
        _log.warning("run %s could not be marked: %s", run_id, error)
