"""What a submitted script leaves: its output while it runs, and its files at the end."""

import logging
import time
from typing import BinaryIO

from ledger.artifacts.bringing import bring
from ledger.artifacts.content import Content
from ledger.artifacts.names import STD_LOG
from ledger.artifacts.output import OUTPUT_BYTES, OUTPUT_PIECE_BYTES
from ledger.artifacts.outputs import FOLDERS, Outputs
from ledger.artifacts.upload import Upload
from ledger.commands import RunCommand
from ledger.targets.local.folder import RunFolder
from ledger.tracking.tracker import Tracker
from schemas.errors import LedgerError

_SHOW_SECONDS = 1.0
_PAUSE_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Collecting:
    """Brings what one script prints and writes to the ledger; what cannot be brought is a warning of the run."""

    def __init__(self, tracker: Tracker, run_id: str, folder: RunFolder) -> None:
        """Make the folders that scripts of the original find, and remember what was in them."""
        self._tracker, self._run_id, self._folder = tracker, run_id, folder
        self._outputs = Outputs([folder.code / name for name in FOLDERS])
        self._next = 0.0
        self._start, self._sent = 0, b""
        for name in FOLDERS:
            (folder.code / name).mkdir(parents=True, exist_ok=True)

    def show(self) -> None:
        """Let readers elsewhere see what was printed, about once a second."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _SHOW_SECONDS
        try:
            while self._start < OUTPUT_BYTES and self._show_piece():
                pass
        except (LedgerError, OSError) as error:
            _log.warning("the output of run %s is not shown now: %s", self._run_id, error)
            self._next = now + _PAUSE_SECONDS

    def collect(self) -> None:
        """Store the log and what the script has written; it never raises."""

        def put(source: BinaryIO) -> Content:
            return self._tracker.put_content(source, self._run_id)

        def execute(command: RunCommand) -> None:
            self._tracker.execute(command, self._run_id)

        try:
            uploads = [Upload(STD_LOG, self._folder.log), *self._outputs.changed()]
        except OSError as error:
            _log.warning("the files of run %s cannot be listed: %s", self._run_id, error)
            uploads = [Upload(STD_LOG, self._folder.log)]
        bring(put, self._run_id, execute, uploads)

    def _show_piece(self) -> bool:
        """Send what came behind the last full piece; whether there may be more."""
        with self._folder.log.open("rb") as file:
            file.seek(self._start)
            text = file.read(OUTPUT_PIECE_BYTES)
        if text in {self._sent, b""}:
            return False
        self._tracker.client.put_output(self._run_id, self._start, text)
        full = len(text) == OUTPUT_PIECE_BYTES
        self._start, self._sent = (self._start + len(text), b"") if full else (self._start, text)
        return full
