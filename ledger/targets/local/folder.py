"""The folder of one submitted run on this machine."""

import json
import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ledger.journal.locks import release, take

_TAIL_BYTES = 64_000


class RunFolder:
    """`<runs>/<run id>/`: copy of the code, log, and how script, supervisor and who cancels speak to each other."""

    def __init__(self, path: Path) -> None:
        """Name it; nothing is touched."""
        self.path = path
        self.code = path / "code"
        self.log = path / "user_logs" / "std_log.txt"
        self.trouble = path / "supervisor.log"
        self._cancel = path / "cancel"
        self._alive = path / "supervised"
        self._error = path / "error.json"

    def make(self) -> None:
        """Make it, with an empty log and no code."""
        self.code.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log.touch(mode=0o600)

    def claim(self) -> None:
        """Say that this process supervises, until it ends."""
        self._held = take(self._alive)

    def is_supervised(self) -> bool | None:
        """Whether somebody supervises; None if nobody here ever did."""
        if not self._alive.exists():
            return None
        lock = take(self._alive)
        if lock is not None:
            release(lock)
        return lock is None

    def ask_to_cancel(self) -> None:
        """Wake the supervisor."""
        with suppress(OSError):
            self._cancel.touch(mode=0o600)

    def is_asked_to_cancel(self) -> bool:
        """Whether somebody did."""
        return self._cancel.exists()

    def note_error(self, error: Mapping[str, str | None]) -> None:
        """In the script: say why the run shall fail."""
        draft = self._error.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(error), encoding="utf-8")
        draft.replace(self._error)

    def error(self) -> dict[str, str | None] | None:
        """What the script said, if anything."""
        try:
            content = json.loads(self._error.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def last_lines(self, most: int) -> list[str]:
        """The end of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return []
        return list(deque(text.replace("\x00", "\ufffd").splitlines(), maxlen=most))
