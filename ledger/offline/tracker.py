"""Tracking without a ledger: every command is decided here, by the same rules, and noted."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ledger.artifacts.content import Content
from ledger.client import Client
from ledger.commands import (
    AddArtifacts,
    ChangeStatus,
    Command,
    CreateExperiment,
    ExperimentCommand,
    ResumeRun,
    StartRun,
)
from ledger.errors import RefusedError, UnavailableError, WorkspaceError
from ledger.journal.folder import writers_of
from ledger.offline.ending import mark_gone
from ledger.tracking.track import Track
from ledger.tracking.tracker import Tracker, timed
from ledger.tracking.whereabouts import Whereabouts
from ledger.watchdog.alive import is_gone
from schemas.errors import LedgerError
from schemas.limits import Limits

_APART = ""
"""What stands for a run in the journal of commands that belong to none."""

_log = logging.getLogger(__name__)


class OfflineTracker(Tracker):
    """As `Tracker`, but nothing is sent: journals stay where they are until `runledger sync` delivers them."""

    is_offline = True

    def __init__(
        self,
        connect: Callable[[Callable[[str], bool]], Client],
        location: str,
        journals: Path,
        limits: Limits,
        aftermath: Sequence[str] | None = None,
    ) -> None:
        """As `Tracker`; `location` may be empty.

        `connect` is given a function that tells of which journals the commands went to its client already.
        """
        super().__init__(
            lambda: connect(lambda writer: writer in self._writers),
            location,
            journals,
            limits,
            aftermath,
            on_one_host=lambda: True,
        )

    def open(self) -> None:
        """Make sure that journals can be written.

        Raises:
            WorkspaceError: they cannot: everything would be lost.
        """
        try:
            self._journals.mkdir(parents=True, exist_ok=True)
            if not os.access(self._journals, os.W_OK | os.X_OK):
                raise PermissionError(f"{self._journals} may not be written to")
        except OSError as error:
            raise WorkspaceError(
                f"no journal can be written: {error}. RUNLEDGER_MODE=offline needs a folder for journals; "
                "name one in RUNLEDGER_JOURNAL_DIR."
            ) from error

    def create_experiment(self, command: CreateExperiment) -> None:
        """Know the experiment here; its first run makes it where that is delivered."""
        command = timed(command)
        self.client.execute(command)
        self._experiments[command.name] = command

    def carry_out(self, command: Command) -> None:
        """Note a command that belongs to no run; raises what the ledger refuses."""
        command = timed(command)
        self.client.execute(command)
        made = self._experiments.pop(command.name, None) if isinstance(command, ExperimentCommand) else None
        for each in (made, command):
            if each is not None:
                self._note(each, _APART)

    def begin(self, command: StartRun | ResumeRun) -> None:
        """Begin a run, or another attempt; raises RefusedError where an earlier one is seen to run."""
        if isinstance(command, ResumeRun) or command.resume:
            self._refuse_if_running(command.run_id)
        earlier = self._tracks.get(command.run_id)
        super().begin(command)
        self._begun.add(command.run_id)
        if earlier is not None:
            earlier.finish()

    def whereabouts(self, run_id: str) -> Whereabouts:  # noqa: ARG002 - whatever the run
        """Nothing that counts: what other processes noted is judged by a sync."""
        return Whereabouts.NOT_HERE

    def _refuse_if_running(self, run_id: str) -> None:
        for folder, identity in writers_of(self._journals, [run_id]):
            if identity.begun_by is None or folder.is_marked_ended():
                continue
            if is_gone(identity.of_writer()) is False:
                raise RefusedError(f"run {run_id} is still running: process {identity.pid} on {identity.host}")

    def begin_all(self, commands: Sequence[StartRun]) -> None:
        """Begin several runs; raises the first refusal, and the others have begun."""
        refused: LedgerError | None = None
        for command in commands:
            try:
                self.begin(command)
            except LedgerError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def execute(self, command: Command, run_id: str) -> None:
        """Decide a command and note it; raises what the ledger refuses."""
        command = timed(command)
        if isinstance(command, AddArtifacts) and self.track(run_id).kept(command) < len(command.artifacts):
            raise UnavailableError(f"run {run_id} was ended while a file was uploaded to it: upload it again")
        self.client.execute(command)
        self._note(command, run_id)

    def put_content(self, source: BinaryIO, run_id: str) -> Content:
        """Keep a file beside the journal of a run; raises UnavailableError if it cannot be written there."""
        return self.track(run_id).keep(source)

    def end(self, command: ChangeStatus) -> None:
        """Note the end of a run; nothing more will stand in its journal."""
        track = self._tracks.get(command.run_id)
        if track is None:
            self.execute(command, command.run_id)
            return
        self._tell_overruns(track, last=True)
        self.execute(replace(command, begun_by=track.begun_by), command.run_id)
        track.begun_by = None
        self._drop(track)

    def flush(self, run_id: str, seconds: float) -> bool:  # noqa: ARG002 - nothing is waited for
        """Write what waits in memory for room on the disk; True once all of it is on the disk."""
        track = self._tracks.get(run_id)
        return track is None or self._written(track)

    def ship(self) -> bool:
        """Write what waits in memory; True if all of it is written."""
        waiting = [track for track in list(self._tracks.values()) if not self._written(track)]
        return not waiting

    def close(self, *, at_end: bool = False) -> None:  # noqa: ARG002 - nobody is told
        """Close the journals; runs that were begun and not ended stay in this process's care."""
        self._shipper.stop()
        for track in list(self._tracks.values()):
            if self._written(track) and track.begun_by is None:
                self._drop(track)
        mark_gone(writers_of(self._journals, self._begun))
        with self._lock:
            client, self._client = self._client, None
            self._writers.clear()
        if client is not None:
            client.close()

    def _note(self, command: Command, run_id: str) -> None:
        track = self.track(run_id)
        track.note(command)
        if track.recorder.writer is not None:
            self._writers.add(track.recorder.writer.identity.writer)

    def _written(self, track: Track) -> bool:
        self._tell_overruns(track)
        writer = track.recorder.writer
        if writer is None or track.recorder.closed:
            return True
        writer.write_held()
        return writer.held == 0

    def _tell_overruns(self, track: Track, *, last: bool = False) -> None:
        try:
            for warning in track.overruns(last=last):
                self.execute(warning, track.run_id)
        except LedgerError as error:
            _log.warning("run %s could not be marked: %s", track.run_id, error)

    def _drop(self, track: Track) -> None:
        with self._lock:
            if self._tracks.get(track.run_id) is track:
                del self._tracks[track.run_id]
        if track.recorder.last:
            track.finish()
        else:
            track.remove()
        if not any(each.begun_by for each in self._tracks.values()):
            self._watching.release()

    def _begin_process(self) -> None:
        super()._begin_process()
        self._experiments: dict[str, CreateExperiment] = {}
        self._writers: set[str] = set()
        self._begun: set[str] = set()
