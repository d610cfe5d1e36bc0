"""Everything that one process tracks in one workspace."""

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from ledger.artifacts.content import Content
from ledger.client import Client
from ledger.commands import AddArtifacts, ChangeStatus, Command, CreateExperiment, ResumeRun, StartRun
from ledger.errors import DeniedError, UnavailableError, WorkspaceError
from ledger.journal.places import fallbacks
from ledger.liveness.writers import LiveWriter
from ledger.tracking.presence import Presence
from ledger.tracking.recovery import has_dead_writer, recover
from ledger.tracking.shipper import Shipper
from ledger.tracking.track import Track
from ledger.tracking.watching import Watching
from ledger.tracking.whereabouts import Whereabouts, whereabouts
from schemas.errors import LedgerError
from schemas.limits import Limits

C = TypeVar("C", bound=Command)

_PAUSE_SECONDS = 0.2
_LOOK_SECONDS = 10.0
_REPORT_SECONDS = 1.0
_VERDICT_SECONDS = 15.0

_log = logging.getLogger(__name__)


class Tracker:
    """Commands go to the ledger at once, values by way of a journal; without a ledger, all of it waits there.

    Threads may share it. A forked child goes on with a connection and journals of its own.
    """

    is_offline = False
    """Whether nothing is sent from here: what is tracked waits for `runledger sync`."""

    def __init__(
        self,
        connect: Callable[[], Client],
        location: str,
        journals: Path,
        limits: Limits,
        aftermath: Sequence[str] | None = None,
        report_seconds: float = _REPORT_SECONDS,
        upkeep: Callable[[Client], object] | None = None,
        on_one_host: Callable[[], bool] = lambda: False,
    ) -> None:
        """Track runs of the workspace at `location`; `connect` makes a client, each process its own.

        `aftermath` is a command that a watchdog runs after the end of this process; without one
        there is no watchdog. Every `report_seconds` the ledger is told which writers are alive.
        `upkeep` is done now and then while a run of this process shall be canceled, in a workspace that
        no server sees to; `on_one_host` says whether all its processes leave their journals here.
        """
        self._aftermath = aftermath
        self._report_seconds = report_seconds
        self._upkeep, self._on_one_host = upkeep, on_one_host
        self.location = location
        self._connect = connect
        self._journals = journals
        self._limits = limits
        self._client: Client | None = None
        self._away = False
        self._tracks: dict[str, Track] = {}
        self._look_at = 0.0
        self._begin_process()
        _after_fork(self)

    @property
    def client(self) -> Client:
        """The connection of this process."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

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

    def adopt(self, run_id: str, begun_by: str) -> Track:
        """See to the end of a run that the command `begun_by` has begun, or is about to begin."""
        earlier = self._tracks.pop(run_id, None)
        if earlier is not None:
            earlier.leave()
        return self._open(run_id, begun_by)

    def hand_over(self, run_id: str) -> None:
        """Leave the end of a run, of which nothing was noted here, to another process, which has adopted it."""
        track = self._tracks.get(run_id)
        if track is not None:
            self._drop(track)

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

    @property
    def is_away(self) -> bool:
        """Whether the ledger did not answer when it was last asked."""
        return self._away

    @property
    def canceled(self) -> frozenset[str]:
        """The runs of this process that shall be canceled, as the ledger answered last."""
        return self._presence.canceled

    def track(self, run_id: str) -> Track:
        """The track of a run, made if it is not there."""
        return self._tracks.get(run_id) or self._add(run_id, begun_by=None)

    def began(self, run_id: str) -> bool:
        """Whether this process began the run, and has not ended it."""
        found = self._tracks.get(run_id)
        return found is not None and found.begun_by is not None

    def tracks(self, run_id: str) -> bool:
        """Whether this process logs to the run, and so is told if it shall be canceled."""
        return run_id in self._tracks

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

    @property
    def is_watched(self) -> bool:
        """Whether a watchdog will see how this process ends."""
        return self._watching.is_watched

    def unended(self) -> list[str]:
        """The runs that this process began and has not ended."""
        return [run_id for run_id in list(self._tracks) if self.began(run_id)]

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

    def leave(self) -> None:
        """Let go of the journals of runs that were not ended: this process notes nothing more."""
        for track in list(self._tracks.values()):
            track.leave()

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

    def _open(self, run_id: str, begun_by: str) -> Track:
        track = self._add(run_id, begun_by=begun_by, process=self._watching.begin())
        # There before the run is: whenever the process dies, somebody finds out.
        track.recorder.open()
        return track

    def _add(self, run_id: str, *, begun_by: str | None, process: str | None = None) -> Track:
        track = Track(run_id, self.location, self._journals, self._limits, begun_by, process, offline=self.is_offline)
        with self._lock:
            self._tracks[run_id] = track
        self._shipper.start()
        return track

    def _drop(self, track: Track) -> None:
        with self._lock:
            if self._tracks.get(track.run_id) is track:
                del self._tracks[track.run_id]
        track.remove()
        if not self._tracks:
            self._watching.release()

    def _lose(self, error: LedgerError) -> None:
        with self._lock:
            was_away, self._away = self._away, True
        if not was_away:
            _log.warning("%s What is tracked waits in %s and is delivered later.", error, self._journals)

    def _live_writers(self) -> list[LiveWriter]:
        return [writer for track in list(self._tracks.values()) if (writer := track.live_writer()) is not None]

    def _find(self) -> None:
        if self._away:
            self._away = False
            _log.warning("%s answers again; what had waited is delivered", self.location)

    def _begin_process(self) -> None:
        self._process = os.getpid()
        self._look_at = 0.0
        self._lock = threading.RLock()
        self._client, self._away, self._tracks = None, False, {}
        self._watching = Watching(self._journals, self._aftermath)
        self._presence = Presence(self._report_seconds)
        self._shipper = Shipper(weakref.WeakMethod(self.ship))

    def _leave_parent(self) -> None:
        """In a forked child: what is open belongs to the parent, and is kept so that nothing closes it."""
        inherited, tracks = (self._client, self._shipper, self._lock, self._watching), self._tracks
        self._begin_process()
        self._inherited = inherited
        for track in tracks.values():
            track.abandon()
        self._tracks = tracks


def timed(command: C) -> C:
    """The command with the time of now: it may arrive much later."""
    return command if command.occurred_at is not None else replace(command, occurred_at=datetime.now(UTC))


def _after_fork(tracker: Tracker) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    known = weakref.ref(tracker)

    def in_child() -> None:
        found = known()
        if found is not None:
            found._leave_parent()  # noqa: SLF001 - the hook is part of the tracker

    os.register_at_fork(after_in_child=in_child)
