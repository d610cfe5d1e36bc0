"""The status of a run, and its end."""

import logging
from types import TracebackType
from typing import Any, Self

from ledger.commands import ChangeStatus
from ledger.errors import RunCanceled, StatusRefusedError, UnavailableError
from ledger.sdk.outputs import RunOutputs
from ledger.sdk.submitted import RunSubmitted
from ledger.sdk.text import storable
from ledger.tracking.failure import error_of
from ledger.tracking.whereabouts import Whereabouts
from schemas.errors import LedgerError
from schemas.statuses import TERMINAL, RunStatus

_FLUSH_SECONDS = 300.0

_log = logging.getLogger(__name__)


class RunLifecycle(RunSubmitted, RunOutputs):
    """The part of a run's handle for its status; `with` ends the run at the end of the block."""

    _ended = False
    _joined = False

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
        names |= {"attempt": "attempt", "attempts": "attempts"}
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

        In a submitted script it only delivers: the supervisor sets the status (parity C3). So it does
        in a process that has joined the run: who began it ends it.
        """
        if self.is_own_script or self._joined:
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
        """End the run as Canceled; of a submitted one, all processes are ended first (parity G2).

        A run that another process logs to becomes CancelRequested, and the call comes back at once:
        that process hears of it within seconds (`cancel_requested`, `on_cancel`). If it has not
        ended the run within the grace time (60 s), the run is Canceled all the same, and the reason
        says that the process may still run. In a workspace folder, a run that no process sees to is
        Canceled at once; a server cannot know that, and lets the grace time pass.

        Raises:
            StatusRefusedError: it has ended otherwise.
        """
        if self._tracker.began(self.id):
            self._end(ChangeStatus(run_id=self.id, status=RunStatus.CANCELED, reason=reason))
        elif self._is_supervised():
            self._cancel_submitted(reason)
        else:
            self._cancel_elsewhere(reason)

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody wants the run to be canceled.

        In a process that logs to the run, what it was told last, a second or two ago: it costs
        nothing to ask in every step. Elsewhere the ledger is asked; False if it does not answer.
        """
        if self.id in self._tracker.canceled:
            return True
        if self._tracker.tracks(self.id):
            return False
        try:
            return self._document()["status"] in {RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED}
        except UnavailableError:
            return False

    def join(self) -> None:
        """Log to the run beside the process that began it, and leave its end to that process."""
        self._joined = True

    def __enter__(self) -> Self:
        """End the run at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the run, or fail it by the exception, which goes on (parity C4).

        RunCanceled and Ctrl-C cancel it, and go on as well. A run that was joined is left to who began it.
        """
        try:
            self._end_block(error)
        except LedgerError as problem:
            if error is None:
                raise
            _log.warning("the end of run %s could not be recorded: %s", self.id, problem)

    def _end_block(self, error: BaseException | None) -> None:
        if self._joined:
            self._deliver()
            return
        if self._has_ended():
            return
        match error:
            case RunCanceled(run_id=self.id):
                self._end(ChangeStatus(run_id=self.id, status=RunStatus.CANCELED))
            case None:
                self.complete()
            case SystemExit(code=None | 0):
                self.complete()
            case SystemExit() if self.cancel_requested:
                self._end(ChangeStatus(run_id=self.id, status=RunStatus.CANCELED))
            case KeyboardInterrupt():
                self.cancel(reason="interrupted")
            case _:
                self.fail(error)

    def _cancel_elsewhere(self, reason: str | None) -> None:
        where = self._tracker.whereabouts(self.id)
        canceled = ChangeStatus(run_id=self.id, status=RunStatus.CANCELED, reason=reason)
        if where is Whereabouts.NOT_HERE and self._tracker.knows_all:
            self._execute(canceled)
            return
        try:
            self._execute(ChangeStatus(run_id=self.id, status=RunStatus.CANCEL_REQUESTED, reason=reason))
        except StatusRefusedError:
            # It is Canceled, where nothing is left to do, or has ended otherwise, which the ledger says.
            self._execute(canceled)
        if where is Whereabouts.DEAD:
            self._tracker.settle_dead(self.id)

    def _has_ended(self) -> bool:
        if self._ended or self._tracker.is_away:
            return self._ended
        try:
            document = self._document()
        except UnavailableError:
            return False
        # An end that was presumed is corrected by the true one.
        return document["status"] in TERMINAL and not document.get("presumed")

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
