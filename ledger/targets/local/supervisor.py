"""One submitted run from its preparation to its end; it runs in a process of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.commands import ChangeStatus
from ledger.errors import RefusedError
from ledger.targets.local import tree
from ledger.targets.local.collecting import Collecting
from ledger.targets.local.folder import RunFolder
from ledger.targets.local.queue import Queue
from ledger.targets.target import RUN_FOLDER, RUN_ID, Job
from ledger.tracking.tracker import Tracker
from ledger.watchdog import memory
from ledger.watchdog.verdict import Evidence, decide
from schemas.errors import LedgerError
from schemas.limits import Limits
from schemas.statuses import TERMINAL, RunStatus

_LOOK_SECONDS = 0.1
_ASK_SECONDS = 1.0
_LINES = Limits().log_lines


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run must not go on; `ended` if the ledger says already that it is over."""

    reason: str | None = None
    ended: bool = False


class Supervisor:
    """Moves one run through its statuses, and ends whatever its script has started."""

    def __init__(
        self,
        tracker: Tracker,
        job: Job,
        folder: RunFolder,
        queue: Queue,
        *,
        grace_seconds: float,
        spared: Sequence[str],
    ) -> None:
        """Take care of a job; processes with one of `spared` on their command line are never ended."""
        self._tracker, self._job, self._folder, self._queue = tracker, job, folder, queue
        self._grace = grace_seconds
        self._spared = [mark.encode() for mark in spared]
        self._ask_at = 0.0
        self._asked_to_end = False
        self._process: int | None = None
        self._oom_file = memory.counter_file()
        self._collecting = Collecting(tracker, job.run_id, folder)

    def adopt(self) -> None:
        """Be the one who sees to the run's end, also if this process dies."""
        self._folder.claim()
        self._tracker.adopt(self._job.run_id, self._job.begun_by)
        signal.signal(signal.SIGTERM, self._end_soon)
        tree.keep_orphans()

    def run(self) -> None:
        """Carry the job out to its end."""
        try:
            ending = self._carried_out()
        except Exception as error:
            self._tracker.end(self._ending(RunStatus.FAILED, error=_trouble(error)))
            raise
        finally:
            if self._process is not None:
                tree.end(self._process, 0.0, self._spared)
            self._queue.leave()
        # What was canceled is told at once; all else only when its files are there (parity C3).
        waits = ending is not None and ending.status != RunStatus.CANCELED
        if waits:
            self._collecting.collect()
        self._end(ending)
        if not waits:
            self._collecting.collect()

    def _end(self, ending: ChangeStatus | None) -> None:
        try:
            if ending is not None:
                self._tracker.end(ending)
                return
        except RefusedError:
            pass  # somebody was faster
        self._tracker.hand_over(self._job.run_id)

    def _carried_out(self) -> ChangeStatus | None:
        """The end; None if the ledger has one already."""
        stop = self._move(RunStatus.PREPARING) or self._wait_for_turn()
        if stop is not None:
            return self._stopped(stop)
        before = memory.kills(self._oom_file) if self._oom_file else None
        try:
            process = self._process = self._start()
        except OSError as error:
            return self._ending(RunStatus.FAILED, error=_trouble(error))
        stop = self._move(RunStatus.RUNNING)
        status = None
        deadline = None if self._job.max_seconds is None else time.monotonic() + self._job.max_seconds
        while stop is None and status is None:
            time.sleep(_LOOK_SECONDS)
            self._collecting.show()
            status = tree.reap(process)
            stop = None if status is not None else self._stop() or self._overdue(deadline)
        # What the script has left behind ends with it.
        ended = tree.end(process, self._grace, self._spared)
        if stop is not None:
            return self._stopped(stop)
        stop = self._move(RunStatus.FINALIZING)
        return self._stopped(stop) if stop else self._by_status(status if status is not None else ended, before)

    def _wait_for_turn(self) -> Stop | None:
        self._queue.enter(self._job.run_id)
        slots = self._queue.slots
        reason = None if slots is None else f"waiting for one of {slots} place(s)"
        stop = self._move(RunStatus.QUEUED, reason)
        while stop is None and not self._queue.take():
            time.sleep(_LOOK_SECONDS)
            stop = self._stop()
        return stop

    def _start(self) -> int:
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            **self._job.environment,
            "RUNLEDGER_WORKSPACE": self._tracker.location,
            RUN_ID: self._job.run_id,
            RUN_FOLDER: str(self._folder.path),
        }
        with self._folder.log.open("ab") as log:
            process = subprocess.Popen(
                tree.bound(self._job.command),
                cwd=self._folder.code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Its end is met by `reap`, together with those of its orphans.
        process.returncode = 0
        return process.pid

    def _move(self, status: RunStatus, reason: str | None = None) -> Stop | None:
        """Move on; what the ledger refuses has been stopped by somebody."""
        try:
            self._tracker.execute(ChangeStatus(run_id=self._job.run_id, status=status, reason=reason), self._job.run_id)
        except RefusedError:
            self._ask_at = 0.0
            stop = self._stop()
            if stop is None:
                raise
            return stop
        return None

    def _stop(self) -> Stop | None:
        """Whether the run must not go on, by what the ledger says; asked now and then, and at once if woken."""
        if self._asked_to_end:
            return Stop("the supervisor was asked to end")
        now = time.monotonic()
        if now < self._ask_at and not self._folder.is_asked_to_cancel():
            return None
        self._ask_at = now + _ASK_SECONDS
        try:
            run = self._tracker.client.run(self._job.run_id)
        except LedgerError:
            # Out of reach, or a token that ended: no reason to end a training.
            return None
        # That the run is dead is presumed from silence, and is wrong: no reason either.
        if run["status"] in TERMINAL and not run.get("presumed"):
            return Stop(ended=True)
        return Stop(run.get("status_reason")) if run["status"] == RunStatus.CANCEL_REQUESTED else None

    def _overdue(self, deadline: float | None) -> Stop | None:
        if deadline is None or time.monotonic() < deadline:
            return None
        return Stop(f"it ran longer than max_run_duration_seconds={self._job.max_seconds:g}")

    def _stopped(self, stop: Stop) -> ChangeStatus | None:
        return None if stop.ended else self._ending(RunStatus.CANCELED, reason=stop.reason)

    def _by_status(self, status: int | None, oom_before: int | None) -> ChangeStatus:
        after = memory.kills(self._oom_file) if self._oom_file else None
        ending = decide(
            Evidence(
                kernel_status=status,
                kernel_source="read by its supervisor",
                interpreter_exited=True,
                oom_kills_before=oom_before,
                oom_kills_after=after,
            )
        )
        noted = self._folder.error()
        if noted is not None:
            return self._ending(RunStatus.FAILED, error=noted, certainty=ending.certainty)
        error = None if ending.error is None else dict(ending.error)
        return self._ending(RunStatus(ending.status), ending.reason, error, ending.certainty)

    def _ending(
        self,
        status: RunStatus,
        reason: str | None = None,
        error: dict[str, str | None] | None = None,
        certainty: str | None = None,
    ) -> ChangeStatus:
        return ChangeStatus(
            run_id=self._job.run_id,
            status=status,
            reason=reason,
            error=error,
            certainty=certainty,
            log_lines=self._folder.last_lines(_LINES),
        )

    def _end_soon(self, *_: object) -> None:
        self._asked_to_end = True


def _trouble(error: Exception) -> dict[str, str | None]:
    name = "LedgerError" if isinstance(error, LedgerError) else type(error).__name__
    return {"code": "NotStarted", "message": f"the script could not be run: {error}", "type": name}
