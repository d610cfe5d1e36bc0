"""The runs that one process has open in one workspace, and its way to the ledger; a forked child begins anew."""

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger.client import Client
from ledger.liveness.writers import LiveWriter
from ledger.tracking.presence import Presence
from ledger.tracking.shipper import Shipper
from ledger.tracking.track import Track
from ledger.tracking.watching import Watching
from schemas.errors import LedgerError
from schemas.limits import Limits

_REPORT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class OpenRuns:
    """What `Tracker` stands on; threads may share it."""

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

    @property
    def is_watched(self) -> bool:
        """Whether a watchdog will see how this process ends."""
        return self._watching.is_watched

    def unended(self) -> list[str]:
        """The runs that this process began and has not ended."""
        return [run_id for run_id in list(self._tracks) if self.began(run_id)]

    def leave(self) -> None:
        """Let go of the journals of runs that were not ended: this process notes nothing more."""
        for track in list(self._tracks.values()):
            track.leave()

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

    def ship(self) -> bool:
        """Deliver what all runs have noted; False if the ledger is away."""
        raise NotImplementedError


def _after_fork(tracker: OpenRuns) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    known = weakref.ref(tracker)

    def in_child() -> None:
        found = known()
        if found is not None:
            found._leave_parent()  # noqa: SLF001 - the hook is part of the class

    os.register_at_fork(after_in_child=in_child)
