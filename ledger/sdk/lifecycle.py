"""The status of a run, and its end."""

import logging
from types import TracebackType
from typing import Any, Self

from ledger.commands import ChangeStatus
from ledger.errors import UnavailableError
from ledger.sdk.outputs import RunOutputs
from ledger.sdk.submitted import RunSubmitted
from ledger.sdk.text import storable
from ledger.tracking.failure import error_of
from schemas.errors import LedgerError
from schemas.statuses import TERMINAL, RunStatus

_FLUSH_SECONDS = 300.0

_log = logging.getLogger(__name__)


class RunLifecycle(RunSubmitted, RunOutputs):
    """The part of a run's handle for its status; `with` ends the run at the end of the block."""

    _ended = False

    def get_status(self) -> str:
        """The status now, also when it has ended (it may have been corrected)."""
        return str(self._document()["status"])

    def get_details(self) -> dict[str, Any]:
        """The run as a document (parity C2)."""
        return self.details_of(self._document())

    def details_of(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document as the details of a run."""
        names = {"run_id": "runId", "target": "target", "status": "status", "start_time_utc": "startTimeUtc"}
        names |= {"end_time_utc": "endTimeUtc", "error": "error", "warnings": "warnings"}
        details = {name: document[key] for key, name in names.items() if key in document}
        return details | {
            "properties": dict(document["properties"]),
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": self.log_files(document),
            "submittedBy": document.get("created_by"),
        }

    def start(self) -> None:
        """Say that the run runs, if it was only created so far."""
        self._execute(ChangeStatus(run_id=self.id, status=RunStatus.RUNNING))

    def complete(self, reason: str | None = None) -> None:
        """End the run as Completed; what was logged is delivered first.

        In a submitted script it only delivers: the supervisor sets the status (parity C3).
        """
        if self.is_own_script:
            self._deliver()
            return
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.COMPLETED, reason=reason))

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:
        """End the run as Failed, with an error (parity G3).

        In a submitted script the error is noted, and the supervisor ends the run as Failed once the
        script has ended; of a submitted run elsewhere, all processes are ended.
        """
        error = _error(error_details, error_code)
        if self.is_own_script:
            self._note_error(error)
            self._deliver()
            return
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.FAILED, error=error))

    def cancel(self, reason: str | None = None) -> None:
        """End the run as Canceled; of a submitted one, all processes are ended first (parity G2)."""
        if self._is_supervised():
            self._cancel_submitted(reason)
            return
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

    def _deliver(self) -> None:
        self._tracker.flush(self.id, _FLUSH_SECONDS)
        self._ended = True

    def _end(self, command: ChangeStatus) -> None:
        self._seen = None
        # Before the end is told (parity C3): whoever hears of it finds the files.
        self._bring_outputs()
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
