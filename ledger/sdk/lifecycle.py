"""The status of a run, and its end."""

import logging
from types import TracebackType
from typing import Any, Self

from ledger.commands import ChangeStatus
from ledger.errors import UnavailableError
from ledger.sdk.handle import RunHandle
from ledger.sdk.text import storable
from ledger.tracking.failure import error_of
from schemas.errors import LedgerError
from schemas.statuses import TERMINAL, RunStatus

_log = logging.getLogger(__name__)


class RunLifecycle(RunHandle):
    """The part of a run's handle for its status; `with` ends the run at the end of the block."""

    _ended = False

    def get_status(self) -> str:
        """The status now, also when it has ended (it may have been corrected)."""
        return str(self._document()["status"])

    def get_details(self) -> dict[str, Any]:
        """The run as a document (parity C2)."""
        document = self._document()
        names = {"run_id": "runId", "target": "target", "status": "status", "start_time_utc": "startTimeUtc"}
        names |= {"end_time_utc": "endTimeUtc", "error": "error", "warnings": "warnings"}
        details = {name: document[key] for key, name in names.items() if key in document}
        return details | {
            "properties": dict(document["properties"]),
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": {},
            "submittedBy": document.get("created_by"),
        }

    def complete(self, reason: str | None = None) -> None:
        """End the run as Completed; what was logged is delivered first."""
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.COMPLETED, reason=reason))

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:
        """End the run as Failed, with an error (parity G3)."""
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.FAILED, error=_error(error_details, error_code)))

    def cancel(self, reason: str | None = None) -> None:
        """End the run as Canceled."""
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.CANCELED, reason=reason))

    def __enter__(self) -> Self:
        """End the run at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the run, or fail it by the exception, which goes on (parity C4)."""
        try:
            self._end_block(error)
        except LedgerError as problem:
            if error is None:
                raise
            _log.warning("the end of run %s could not be recorded: %s", self.id, problem)

    def _end_block(self, error: BaseException | None) -> None:
        if self._has_ended():
            return
        match error:
            case None:
                self.complete()
            case SystemExit(code=None | 0):
                self.complete()
            case KeyboardInterrupt():
                self.cancel(reason="interrupted")
            case _:
                self.fail(error)

    def _has_ended(self) -> bool:
        if self._ended or self._tracker.is_away:
            return self._ended
        try:
            return self._document()["status"] in TERMINAL
        except UnavailableError:
            return False

    def _end(self, command: ChangeStatus) -> None:
        self._tracker.end(command)
        self._ended = True


def _error(details: str | BaseException | None, code: str | None) -> dict[str, str | None]:
    match details:
        case None | str():
            return {"code": code or "UserError", "message": storable(details or "the run was failed by its script")}
        case BaseException():
            return {key: text and storable(text) for key, text in error_of(details, code).items()}
        case _:
            raise TypeError(f"error_details must be text or an exception, not {type(details).__name__}")
