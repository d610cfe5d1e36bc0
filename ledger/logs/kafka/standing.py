"""Whether a running process may go on with its topics."""

import logging
from collections.abc import Callable, Sequence

from ledger.errors import LogStoppedError

_log = logging.getLogger(__name__)


class Standing:
    """What was found wrong: for good, or until it is put right."""

    def __init__(self, stop: Callable[[Exception], None]) -> None:
        """All is well; `stop` is told when that is over for good."""
        self._stop = stop
        self._refused: str | None = None
        self._suspended: str | None = None

    def refuse(self, text: str) -> None:
        """The topics are not those that were opened: nothing is read or written any more."""
        if self._refused is None:
            self._refused = text
            _log.error("nothing is written any more: %s", self._refused)
            self._stop(LogStoppedError(self._refused))

    def suspend(self, wrong: Sequence[str]) -> None:
        """Nothing is written while anything is wrong; an empty list lets it go on."""
        text = " ".join(wrong) or None
        if text == self._suspended:
            return
        self._suspended = text
        if text is None:
            _log.warning("what was wrong with the log was put right: it is written again")
        else:
            _log.error("nothing is written until this is put right: %s", text)

    def stopped(self) -> LogStoppedError | None:
        """Why nothing may be written, if so."""
        text = self._refused or self._suspended
        return None if text is None else LogStoppedError(text)

    def check_writable(self) -> None:
        """Raise LogStoppedError if nothing may be written."""
        stopped = self.stopped()
        if stopped is not None:
            raise stopped

    def check_readable(self) -> None:
        """Raise LogStoppedError if nothing is read on."""
        if self._refused is not None:
            raise LogStoppedError(self._refused)
