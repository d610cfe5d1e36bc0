"""Writing a journal: one `write` a record, which outlives the process; a full disk never stops training."""

import errno
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ledger.journal.folder import Identity, WriterFolder

FILE_BYTES = 8_000_000
HELD_RECORDS = 100_000
RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class JournalWriter:
    """The journal of one run in one process; threads may share it, a forked child must not use it.

    Records that the disk does not take are held in memory and written once there is room; beyond
    `held` of them the oldest are lost, and counted.
    """

    def __init__(
        self,
        folder: WriterFolder,
        identity: Identity,
        *,
        file_bytes: int = FILE_BYTES,
        held: int = HELD_RECORDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the folder and its first file.

        Raises:
            OSError: they cannot be made here.
        """
        self.folder = folder
        self.identity = identity
        self.lost = 0
        self._file_bytes = file_bytes
        self._held: deque[bytes] = deque()
        self._most_held = held
        self._clock = clock
        self._retry_at = 0.0
        self._number = 1
        self._end = 0
        self._closed = False
        # A signal handler may log while the same thread does.
        self._lock = threading.RLock()
        self._alive = folder.make(identity)
        self._descriptor = _open(folder.file(1))

    def write(self, line: bytes) -> None:
        """Write one record; it never raises."""
        with self._lock:
            if self._held:
                self._hold(line)
                if self._clock() >= self._retry_at:
                    self.write_held()
                return
            try:
                written = os.write(self._descriptor, line)
            except OSError as error:
                self._fail(line, error)
                return
            if written == len(line):
                self._end += written
                if self._end >= self._file_bytes:
                    self._rotate()
            else:
                self._fail(line, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def write_held(self) -> None:
        """Write what is held, as far as there is room."""
        with self._lock:
            # The disk may have room for some: each is written by itself, in order.
            pending, self._held = self._held, deque()
            while pending:
                self.write(pending.popleft())
                if self._held:
                    self._held += pending
                    return

    @property
    def held(self) -> int:
        """How many records wait for room on the disk."""
        return len(self._held)

    def close(self) -> None:
        """Close the files; the folder stays. Calling it again does nothing: the numbers may be others' by then."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self.write_held()
            os.close(self._descriptor)
            os.close(self._alive)

    def abandon(self) -> None:
        """In a forked child: let go of what belongs to the parent, and touch nothing."""
        os.close(self._descriptor)
        os.close(self._alive)

    def _rotate(self) -> None:
        try:
            fresh = _open(self.folder.file(self._number + 1))
        except OSError:
            return  # the file grows on until the next one can be made
        # The number stays the same: another thread may be about to write to it.
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)
        self._number += 1
        self._end = 0

    def _fail(self, line: bytes, error: OSError) -> None:
        if not self._held:
            _log.warning(
                "%s cannot be written (%s): logged values are held in memory until it can", self.folder.path, error
            )
        self._hold(line if self._cut() else b"\n" + line)
        self._retry_at = self._clock() + RETRY_SECONDS

    def _cut(self) -> bool:
        """Cut off what was half written; where that fails, the next record begins a line of its own."""
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError:
            return False
        return True

    def _hold(self, line: bytes) -> None:
        if len(self._held) >= self._most_held:
            self._held.popleft()
            self.lost += 1
        self._held.append(line)


def _open(path: Path) -> int:
    # O_BINARY: Windows would end lines in its own way, and their checksums would not hold.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, 0o600)
