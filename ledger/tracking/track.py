"""One run in one process: what is noted of it, and how far the ledger has it."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ledger.artifacts.content import Content
from ledger.client import Client
from ledger.commands import AddArtifacts, Command, WarnRun
from ledger.errors import UnavailableError
from ledger.journal.folder import Identity, WriterFolder, new_writer
from ledger.journal.places import fallbacks
from ledger.journal.writer import JournalWriter
from ledger.liveness.writers import LiveWriter
from ledger.tracking.delivery import Delivery
from ledger.tracking.recorder import Recorder
from ledger.wire import command_to
from schemas.limits import Limits

_log = logging.getLogger(__name__)


class Track:
    """The recorder of a run with its journal and delivery; `begun_by` as in `Identity`."""

    def __init__(
        self,
        run_id: str,
        location: str,
        journals: Path,
        limits: Limits,
        begun_by: str | None,
        process: str | None = None,
        *,
        offline: bool = False,
    ) -> None:
        """Nothing is written before something is noted; an `offline` track is never shipped from here."""
        self._offline = offline
        self.run_id = run_id
        self._process = process
        self.begun_by = begun_by
        self.recorder = Recorder(self._open_writer, limits)
        self.waiting_commands = 0
        self._location = location
        self._journals = journals
        self._limits = limits
        self._begin_process()

    def live_writer(self) -> LiveWriter | None:
        """Who this process is for the run: the writer of its journal, else one that only says that it lives."""
        writer = self.recorder.writer
        if writer is not None and not self.recorder.closed:
            return LiveWriter(self.run_id, writer.identity.writer)
        return None if self.begun_by is None else LiveWriter(self.run_id, self.begun_by)

    def note(self, command: Command) -> None:
        """Keep a command until the ledger can be told."""
        self.recorder.command(command_to(command))
        self.waiting_commands += 1

    def keep(self, source: BinaryIO) -> Content:
        """Copy a file of the run beside the journal, where it waits for the command that names it.

        Raises:
            UnavailableError: it cannot be written there.
        """
        from ledger.journal.contents import keep_content  # noqa: PLC0415 - many a training has no files

        self.recorder.open()
        if self.recorder.writer is None:
            raise UnavailableError(f"it cannot be kept for run {self.run_id}: no journal can be written")
        return keep_content(self.recorder.writer.folder, source)

    def kept(self, command: AddArtifacts) -> int:
        """How many of the files that a command names wait beside the journal."""
        writer = self.recorder.writer
        if writer is None or self.recorder.closed:
            return 0
        return sum(writer.folder.content(str(each["sha256"])).exists() for each in command.artifacts)

    def ship(self, client: Client) -> bool:
        """Deliver what is noted; False if some of it waits in memory for room on the disk.

        Raises what `Delivery.run` raises.
        """
        with self._shipping:
            if self.recorder.writer is not None:
                self._deliver(client, self.recorder.writer)
            self.tell_overruns(client)
            return self.recorder.writer is None or self.recorder.writer.held == 0

    def remove(self) -> None:
        """Delete the journal: all of it was delivered, or nothing shall be."""
        with self._shipping:
            self.recorder.close()
            if self.recorder.writer is not None:
                self.recorder.writer.folder.remove()

    def finish(self) -> None:
        """Close the journal, and say in it that nothing more comes: it waits there to be delivered."""
        with self._shipping:
            self.recorder.close()
            if self.recorder.writer is not None:
                self.recorder.writer.folder.mark_ended("its process")

    def leave(self) -> None:
        """Close the journal and let it lie there for the next contact."""
        with self._shipping:
            self.recorder.close()

    def abandon(self) -> None:
        """In a forked child: go on with a journal of the child's own."""
        self.recorder.abandon()
        self.begun_by = self._process = None
        self.waiting_commands = 0
        self._begin_process()

    def _begin_process(self) -> None:
        self._shipping = threading.RLock()
        self._delivery: Delivery | None = None
        self._told: dict[str, int] = {}

    def _deliver(self, client: Client, writer: JournalWriter) -> None:
        waiting = self.waiting_commands
        writer.write_held()
        if self._delivery is None:
            self._delivery = Delivery(writer.folder, writer.identity, self._limits, fresh=True)
        self._delivery.run(client)
        self.waiting_commands -= waiting

    def _open_writer(self) -> JournalWriter | None:
        writer = new_writer(self.run_id)
        identity = Identity.of_process(
            self.run_id, writer, self._location, self.begun_by, self._process, offline=self._offline
        )
        problem: OSError | None = None
        for journals in fallbacks(self._journals):
            try:
                return JournalWriter(WriterFolder(journals / writer), identity)
            except OSError as error:
                problem = problem or error
        _log.warning("no journal can be written (%s): what is logged to run %s is lost", problem, self.run_id)
        return None

    def tell_overruns(self, client: Client, *, last: bool = False) -> None:
        """Mark the run for each limit that was reached: at the first time, and with the `last` count."""
        for warning in self.overruns(last=last):
            client.execute(warning)

    def overruns(self, *, last: bool = False) -> Iterator[WarnRun]:
        """The marks that the run does not have yet; one that is taken counts as set when the next is asked for."""
        writer = self.recorder.writer
        source = writer.identity.writer if writer else "script"
        for code, found in dict(self.recorder.overruns).items():
            told, count = self._told.get(code, 0), found.count
            if told == 0 or (last and told < count):
                yield WarnRun(run_id=self.run_id, source=source, code=code, message=found.message, count=count)
                self._told[code] = count
