"""Scripts on the machine that submits them."""

import json
import os
import select
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger.errors import ExperimentExecutionError, SnapshotError
from ledger.snapshots.packing import unpack
from ledger.targets.local.folder import RunFolder
from ledger.targets.target import Job

_READY_SECONDS = 60.0
_SHELL = "/bin/sh"
_IN_BACKGROUND = ["-c", '"$@" &', "sh"]
"""The shell ends at once: the supervisor is nobody's child, and outlives who submits."""

READY = b"ready"


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """Starts a supervisor for each job; `supervisor` is its command, `max_concurrent` None for any number."""

    name: str
    runs: Path
    supervisor: Sequence[str]
    max_concurrent: int | None = None
    grace_seconds: float = 10.0

    def submit(self, job: Job) -> None:
        """Start a supervisor, and come back once it has the run in its care."""
        shell = shutil.which(_SHELL) if os.name == "posix" else None
        if shell is None:
            raise ExperimentExecutionError(f"target {self.name!r} needs a POSIX system with {_SHELL}")
        folder = RunFolder(self.runs / job.run_id)
        try:
            folder.make()
            if job.snapshot is not None:
                unpack(Path(job.snapshot), folder.code)
            self._start(shell, job, folder)
        except (OSError, SnapshotError) as error:
            raise ExperimentExecutionError(f"run {job.run_id} could not be submitted: {error}") from error

    def cancel(self, run_id: str) -> None:
        """Wake the supervisor."""
        RunFolder(self.runs / run_id).ask_to_cancel()

    def poll(self, run_id: str) -> bool | None:
        """Whether a supervisor lives; None if the run was not submitted on this machine."""
        return RunFolder(self.runs / run_id).is_supervised()

    def logs(self, run_id: str) -> Path:
        """What the script writes."""
        return RunFolder(self.runs / run_id).log

    def queue_folder(self) -> Path:
        """Where those who wait for this target stand in line."""
        return self.runs.parent / "targets" / self.name

    def _start(self, shell: str, job: Job, folder: RunFolder) -> None:
        order: dict[str, object] = {
            "job": asdict(job),
            "folder": str(folder.path),
            "queue": str(self.queue_folder()),
            "max_concurrent": self.max_concurrent,
            "grace_seconds": self.grace_seconds,
        }
        read_order, write_order = os.pipe()
        read_ready, write_ready = os.pipe()
        try:
            with folder.trouble.open("ab") as trouble:
                subprocess.run(
                    [shell, *_IN_BACKGROUND, *self.supervisor, str(read_order), str(write_ready)],
                    pass_fds=(read_order, write_ready),
                    start_new_session=True,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=trouble,
                    stderr=trouble,
                    check=True,
                )
        finally:
            os.close(read_order)
            os.close(write_ready)
        try:
            # A supervisor that died already is found by its silence.
            with suppress(BrokenPipeError), os.fdopen(write_order, "w", encoding="utf-8") as pipe:
                json.dump(order, pipe)
            if not _is_readable(read_ready, _READY_SECONDS) or os.read(read_ready, len(READY)) != READY:
                said = " ".join(folder.trouble.read_text(encoding="utf-8", errors="replace").split()[-60:])
                raise ExperimentExecutionError(
                    f"the supervisor of run {job.run_id} did not start: {said or 'no answer'}"
                )
        finally:
            os.close(read_ready)


def _is_readable(descriptor: int, seconds: float) -> bool:
    # `select` knows no descriptor beyond 1023, and a script with many open runs has them.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
