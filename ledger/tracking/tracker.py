"""Everything that one process tracks in one workspace."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO, TypeVar

from ledger.artifacts.content import Content
from ledger.commands import AddArtifacts, ChangeStatus, Command, CreateExperiment, ResumeRun, StartRun
from ledger.errors import DeniedError, UnavailableError, WorkspaceError
from ledger.journal.places import fallbacks
from ledger.tracking.open_runs import OpenRuns
from ledger.tracking.recovery import has_dead_writer, recover
from ledger.tracking.track import Track
from ledger.tracking.whereabouts import Whereabouts, whereabouts
from schemas.errors import LedgerError

C = TypeVar("C", bound=Command)

_PAUSE_SECONDS = 0.2
_LOOK_SECONDS = 10.0
_VERDICT_SECONDS = 15.0

_log = logging.getLogger(__name__)


class Tracker(OpenRuns):
    """Commands go to the ledger at once, values by way of a journal; without a ledger, all of it waits there."""

    def open(self) -> None:
        """Connect, and deliver what dead processes left.

        Raises:
            WorkspaceError: it is no workspace, or cannot be used from here.
        """
        try:
            self.client  # noqa: B018 - connects
            if any(has_dead_writer(journals, self.location) for journals in fallbacks(self._journals)):
                self._recovered()
        except UnavailableError as error:
            self._lose(error)

    def create_experiment(self, command: CreateExperiment) -> None:
        """Make sure that an experiment is there; without a ledger, its first run will make it."""
        if not self._away:
            try:
                self.client.execute(command)
            except UnavailableError as error:
                self._lose(error)

    def carry_out(self, command: Command) -> None:
        """Carry out a command that belongs to no run; raises what the ledger refuses."""
        self.client.execute(command)

    def begin(self, command: StartRun | ResumeRun) -> None:
        """Begin a run, or another attempt, whose end this process sees to.

        What the ledger refuses changes nothing of a run that this process has begun before.

        Raises:
            RefusedError: the ledger says no.
            RunNotFoundError: there is nothing to resume.
        """
        run_id = command.run_id
        if isinstance(command, ResumeRun):
            self._end_dead(run_id)
        earlier = self._tracks.get(run_id)
        track = self._open(run_id, command.command)
        try:
            self.execute(command, run_id)
        except LedgerError:
            if earlier is not None:
                self._tracks[run_id] = earlier
            self._drop(track)
            raise
        if earlier is not None:
            earlier.leave()

    def join(self, run_id: str) -> None:
        """Log to a run whose end another process sees to; from now on this one is told if it shall be canceled."""
        self.track(run_id).recorder.open()

    def begin_all(self, commands: Sequence[StartRun]) -> None:
        """Begin several runs by one request; their ends are this process's.

        Raises:
            LedgerError: the first that the ledger refused; the others have begun.
        """
        commands = [timed(command) for command in commands]
        tracks = [self.adopt(command.run_id, command.command) for command in commands]
        try:
            results = None if self._away else self.client.execute_all(commands)
        except UnavailableError as error:
            self._lose(error)
            results = None
        except LedgerError:
            for track in tracks:
                self._drop(track)
            raise
        if results is None:
            for track, command in zip(tracks, commands, strict=True):
                track.note(command)
            return
        refused = [(track, each) for track, each in zip(tracks, results, strict=True) if isinstance(each, LedgerError)]
        for track, _ in refused:
            self._drop(track)
        if refused:
            raise refused[0][1]

    def execute(self, command: Command, run_id: str) -> None:
        """Carry out a command, or keep it in a run's journal until the ledger can be told.

        Raises what the ledger refuses.
        """
        command = timed(command)
        track = self._tracks.get(run_id)
        if self._away or (track is not None and self._must_wait(track, command)):
            self.track(run_id).note(command)
            return
        try:
            self.client.execute(command)
        except (UnavailableError, DeniedError) as error:
            # A token that ends while a run is under way must not end the training; without one, none begins.
            if isinstance(error, DeniedError) and (isinstance(command, StartRun | ResumeRun) or track is None):
                raise
            self._lose(error)
            self.track(run_id).note(command)

    def put_content(self, source: BinaryIO, run_id: str) -> Content:
        """Store what a file of a run holds, or keep it beside the run's journal until the ledger can be told.

        Raises:
            UnavailableError: the ledger is there and cannot store it now; or it cannot be kept here.
        """
        if not self._away:
            try:
                return self.client.put_content(source)
            except (UnavailableError, DeniedError) as error:
                # As for commands; and where only the place of files is away, who uploads can do something about it.
                if (isinstance(error, DeniedError) and run_id not in self._tracks) or self._answers(run_id):
                    raise
                self._lose(error)
        return self.track(run_id).keep(source)

    def end(self, command: ChangeStatus) -> None:
        """End a run: everything that was logged to it goes first."""
        track = self._tracks.get(command.run_id)
        if track is None:
            self.execute(command, command.run_id)
            return
        self._complete_delivery(track)
        self.execute(replace(command, begun_by=track.begun_by), command.run_id)
        track.begun_by = None
        if not track.waiting_commands:
            self._drop(track)

    def whereabouts(self, run_id: str) -> Whereabouts:
        """What is known on this host of the process that began a run."""
        return whereabouts(fallbacks(self._journals), self.location, run_id)

    @property
    def knows_all(self) -> bool:
        """Whether a run without a journal here has no process that sees to it."""
        return self._on_one_host()

    def settle_dead(self, run_id: str) -> None:
        """Deliver and end what a dead process of this host left of a run, if nobody is about to."""
        self._recovered(run_id)

    def flush(self, run_id: str, seconds: float) -> bool:
        """Deliver what was logged so far; False if the ledger stays out of reach for so long."""
        track = self._tracks.get(run_id)
        end = time.monotonic() + seconds
        while track is not None and not self._shipped(track, again=True):
            if time.monotonic() > end:
                _log.warning("what was logged to run %s is in its journal, and will be delivered later", run_id)
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def ship(self) -> bool:
        """Deliver what all runs have noted, and now and then what dead processes left; False if the ledger is away."""
        delivered = all(self._shipped(track, again=True) for track in list(self._tracks.values()))
        if self._client is not None and not self._away:
            self._presence.report(self._client, self._live_writers())
        if not delivered or time.monotonic() < self._look_at:
            return delivered
        self._look_at = time.monotonic() + _LOOK_SECONDS
        return self._recovered() and self._kept_up()

    def close(self, *, at_end: bool = False) -> None:
        """Deliver what is left; runs that were begun and not ended stay in this process's care.

        `at_end` of the process, who sees to the ends of such runs is expected to tell them soon.
        """
        self._shipper.stop()
        for track in list(self._tracks.values()):
            if self._shipped(track) and track.begun_by is None:
                self._drop(track)
        if self._client is not None and not self._away:
            self._presence.leave(self._client, self._live_writers() if at_end else ())
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _complete_delivery(self, track: Track) -> None:
        """As `ship` for one run, with the points of its workers that were killed, and the last counts."""
        if self._shipped(track) and self._recovered(track.run_id):
            try:
                track.tell_overruns(self.client, last=True)
            except UnavailableError as error:
                self._lose(error)

    def _shipped(self, track: Track, *, again: bool = False) -> bool:
        if self._away and not again:
            return False
        delivered = True
        try:
            delivered = track.ship(self.client)
        except UnavailableError as error:
            self._lose(error)
            return False
        except WorkspaceError as error:
            _log.debug("the workspace is gone: %s", error)
            return False
        except LedgerError as error:
            _log.warning("what was logged to run %s cannot be delivered: %s", track.run_id, error)
        self._find()
        return delivered

    def _must_wait(self, track: Track, command: Command) -> bool:
        """Whether a command comes behind what waits in the journal: others before it, or files that it names."""
        if isinstance(command, AddArtifacts) and track.kept(command):
            return True
        return bool(track.waiting_commands) and not self._shipped(track)

    def _answers(self, run_id: str) -> bool:
        try:
            self.client.run(run_id)
        except (UnavailableError, DeniedError):
            return False
        except LedgerError:
            return True
        return True

    def _recovered(self, run_id: str | None = None) -> bool:
        try:
            for journals in fallbacks(self._journals):
                recover(journals, self.location, self.client, self._limits, run_id=run_id)
        except UnavailableError as error:
            self._lose(error)
            return False
        return True

    def _kept_up(self) -> bool:
        try:
            # A training process reads no tables as long as there is no need to.
            if self._upkeep is not None and self.canceled:
                self._upkeep(self.client)
        except UnavailableError as error:
            self._lose(error)
            return False
        except LedgerError as error:
            _log.debug("the workspace was not kept up: %s", error)
        return True

    def _end_dead(self, run_id: str) -> None:
        """See that an attempt whose process died here has ended: its watchdog may be about to record it."""
        deadline = time.monotonic() + _VERDICT_SECONDS
        while not self._away and self.whereabouts(run_id) is Whereabouts.DEAD:
            self._recovered(run_id)
            if time.monotonic() > deadline:
                return
            time.sleep(_PAUSE_SECONDS / 4)


def timed(command: C) -> C:
    """The command with the time of now: it may arrive much later."""
    return command if command.occurred_at is not None else replace(command, occurred_at=datetime.now(UTC))
