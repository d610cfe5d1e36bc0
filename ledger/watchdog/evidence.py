"""What a process leaves behind about its own end. It changes nothing in how the process runs or ends."""

import atexit
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from ledger.watchdog import libc
from ledger.watchdog.descriptors import Kept
from ledger.watchdog.folder import DUMP, EXCEPTION, EXIT_CODE, EXITED, EvidenceFolder
from ledger.watchdog.verdict import Raised
from schemas.limits import UNSTORABLE

_MESSAGE_LENGTH, _TRACEBACK_LENGTH = 8_000, 64_000
_STATUS = Path("/proc/self/status")


def install(folder: Path) -> "Installed":
    """Leave evidence in the folder when this process ends. It never raises: what cannot be had is left out."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Installed(EvidenceFolder(folder))


class Installed:
    """The hooks in this process."""

    def __init__(self, folder: EvidenceFolder) -> None:
        """Install all that this system has."""
        self._folder = folder
        self._kept = Kept()
        # Registered early it runs late: after what the program does at its end.
        atexit.register(self._note_exit)
        self._earlier_hook = sys.excepthook
        self._hook = self._note_uncaught
        sys.excepthook = self._hook
        with suppress(OSError):
            libc.say_code_at_exit(self._kept.open(folder.path / EXIT_CODE))
        self._enabled = False
        self._signals: list[int] = []
        with suppress(ImportError, OSError, RuntimeError, ValueError):
            self._keep_stacks()

    def remove(self) -> None:
        """Undo what can be undone; the rest leads to nothing."""
        atexit.unregister(self._note_exit)
        if sys.excepthook is self._hook:
            sys.excepthook = self._earlier_hook
        if self._enabled or self._signals:
            import faulthandler  # noqa: PLC0415 - as in _keep_stacks

            if self._enabled:
                faulthandler.disable()
            for number in self._signals:
                faulthandler.unregister(number)
        self._kept.release()

    def _keep_stacks(self) -> None:
        """Have the stacks written when a signal ends the process: no Python runs, nothing is delayed."""
        import faulthandler  # noqa: PLC0415 - not every interpreter has it

        file = self._kept.open(self._folder.path / DUMP)
        if not faulthandler.is_enabled():
            faulthandler.enable(file)
            self._enabled = True
        if not hasattr(faulthandler, "register"):
            return
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and _is_default(number):
                faulthandler.register(number, file, chain=True)
                self._signals.append(number)

    def _note_uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Note an exception that reached the top, then do what was done before."""
        try:
            if self._kept.is_ours:
                with suppress(Exception):
                    self._folder.write(EXCEPTION, asdict(_raised(error, trace)))
        finally:
            self._earlier_hook(kind, error, trace)

    def _note_exit(self) -> None:
        """Note that the interpreter ends, with the last exception that nothing caught."""
        if not self._kept.is_ours:
            return
        with suppress(Exception):
            error = last_exception()
            last = asdict(_raised(error, error.__traceback__)) if error is not None else None
            self._folder.write(EXITED, {"exception": last})


def last_exception() -> BaseException | None:
    """The last exception that nothing caught; in a notebook or at a prompt it ended a cell, not the process."""
    if hasattr(sys, "ps1"):
        return None
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None


def _raised(error: BaseException, trace: TracebackType | None) -> Raised:
    lines = traceback.format_exception(type(error), error, trace)
    # The end of a long traceback says more than its beginning.
    texts = type(error).__name__, _text(error)[:_MESSAGE_LENGTH], "".join(lines)[-_TRACEBACK_LENGTH:]
    return Raised(*(UNSTORABLE.sub("\ufffd", text) for text in texts))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception may be as broken as it likes
        return "(its text cannot be read)"


def _is_default(number: int) -> bool:
    """Whether a signal would simply end the process: nobody handles or ignores it, in Python or in C."""
    if signal.getsignal(number) is not signal.SIG_DFL:
        return False
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return True
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return not int(caught, 16) >> (number - 1) & 1
