"""Runs whose status a supervisor sets (parity section G): asked to end, waited for, watched."""

import os
import sys
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ledger.artifacts.names import STD_LOG
from ledger.commands import ChangeStatus
from ledger.errors import ActivityFailedError, ExperimentExecutionError, RefusedError
from ledger.sdk.config import ScriptRunConfig
from ledger.sdk.family import RunFamily
from ledger.sdk.logs import RunLogs
from ledger.sdk.submission import submit
from ledger.targets.local.folder import RunFolder
from ledger.targets.target import RUN_FOLDER, RUN_ID, SCRIPT_RUN, Target
from schemas.statuses import TERMINAL, RunStatus

if TYPE_CHECKING:
    from ledger.sdk.run import Run

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_SPARE_SECONDS = 10.0


class RunSubmitted(RunFamily, RunLogs):
    """The part of a run's handle for scripts that run elsewhere."""

    def submit_child(
        self, config: ScriptRunConfig, tags: Mapping[str, object] | None = None, display_name: str | None = None
    ) -> "Run":
        """Submit a script as a run below this one (parity H5); raises what `Experiment.submit` raises."""
        run_id = submit(self.experiment, config, tags, display_name=display_name, parent=(self.id, self._root_id()))
        return self._relative(run_id)

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,  # noqa: ARG002 - the end is always waited for
        raise_on_error: bool = True,
    ) -> dict[str, Any]:
        """Wait until the run has ended, and answer with its details (parity H2).

        With `show_output`, what the script writes is printed as it comes.

        Raises:
            ActivityFailedError: the run has failed, unless `raise_on_error` is False.
            ExperimentExecutionError: Ctrl-C was pressed; the run goes on.
        """
        try:
            document = self._watched(sys.stdout) if show_output else self._awaited()
        except KeyboardInterrupt as error:
            raise ExperimentExecutionError(
                f"run {self.id} is no longer waited for; it goes on. `cancel()` ends it."
            ) from error
        if raise_on_error and document["status"] == RunStatus.FAILED:
            raise ActivityFailedError(self.id, document.get("error", {}))
        return self.details_of(document)

    def get_detailed_status(self) -> dict[str, Any]:
        """The status, and what it waits for or why it ended as `details`."""
        document = self._document()
        return {"status": document["status"], "details": document.get("status_reason")}

    @property
    def is_own_script(self) -> bool:
        """Whether this process is the script that was submitted as this run: a supervisor sets the status."""
        return os.environ.get(RUN_ID) == self.id and RUN_FOLDER in os.environ

    def _note_error(self, error: Mapping[str, str | None]) -> None:
        RunFolder(Path(os.environ[RUN_FOLDER])).note_error(error)

    def _is_supervised(self) -> bool:
        """Whether the run was submitted, and has not ended."""
        if self._tracker.is_away:
            return False
        document = self._document()
        return document["run_type"] == SCRIPT_RUN and document["status"] not in TERMINAL

    def _cancel_submitted(self, reason: str | None) -> None:
        """Ask, wait until all processes are gone; where nobody answers, the run is Canceled all the same."""
        self._execute(ChangeStatus(run_id=self.id, status=RunStatus.CANCEL_REQUESTED, reason=reason))
        if self.is_own_script:
            return
        target = self._target()
        if target is not None:
            target.cancel(self.id)
        if self._ends_within((0.0 if target is None else target.grace_seconds) + _SPARE_SECONDS, target):
            return
        try:
            self._tracker.end(
                ChangeStatus(
                    run_id=self.id,
                    status=RunStatus.CANCELED,
                    reason=reason,
                    certainty="no supervisor answered: processes of the run may be left",
                )
            )
        except RefusedError:
            if self._document()["status"] not in TERMINAL:
                raise

    def _ends_within(self, seconds: float, target: Target | None) -> bool:
        deadline = time.monotonic() + seconds
        for pause in _pauses():
            if self._document()["status"] in TERMINAL:
                return True
            if time.monotonic() > deadline or (target is not None and target.poll(self.id) is False):
                # It may have said so with its last breath.
                return self._document()["status"] in TERMINAL
            time.sleep(pause)
        return False

    def _target(self) -> Target | None:
        try:
            return self.experiment.workspace.compute_targets[self._known()["target"]]
        except KeyError:
            return None

    def _awaited(self, look: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """The document once the run has ended; `look` says whether something has come meanwhile."""
        pauses = _pauses()
        while (document := self._document())["status"] not in TERMINAL:
            if look():
                pauses = _pauses()
            time.sleep(next(pauses))
        return document

    def _watched(self, out: IO[str]) -> dict[str, Any]:
        url = self.get_portal_url()
        place = f"Web View: {url}\n" if url else ""
        out.write(f"RunId: {self.id}\n{place}\n")
        document = self._followed(out) if self._known()["run_type"] == SCRIPT_RUN else self._awaited()
        out.write(_summary(document, place))
        out.flush()
        return document

    def _followed(self, out: IO[str]) -> dict[str, Any]:
        title = f"Streaming {STD_LOG}"
        out.write(f"{title}\n{'=' * len(title)}\n\n")
        place, decode = 0, getincrementaldecoder("utf-8")(errors="replace").decode

        def look() -> bool:
            nonlocal place
            text = self._printed(place)
            place += len(text)
            out.write(decode(text))
            out.flush()
            return bool(text)

        document = self._awaited(look)
        look()
        return document


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _summary(document: Mapping[str, Any], place: str) -> str:
    warnings = "".join(f"Warning: {each['message']}\n" for each in document.get("warnings", ()))
    error = document.get("error")
    said = f"Error: {error['message']}\n" if error else ""
    title = "Execution Summary"
    return (
        f"\n{title}\n{'=' * len(title)}\nRunId: {document['run_id']}\n{place}"
        f"Status: {document['status']}\n{said}{warnings}"
    )
