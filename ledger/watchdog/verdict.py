"""From what is left of a process to how it ended. No I/O.

A source counts before those below it: the kernel's record, the exit code that the C library noted,
an exception that nothing caught, the stack that a signal left, and last the interpreter's own end.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace

COMPLETED, FAILED, CANCELED = "Completed", "Failed", "Canceled"

KILLED = "killed or os._exit (cause unknown)"
"""The reason where nothing at all was left."""

TOLD = "RunCanceled"
"""The exception that tells a script that its run shall be canceled."""

_INTERRUPTED = 128 + 2
"""The exit code of an interpreter that could not end itself by SIGINT."""

_MEANING = {
    "SIGABRT": "abort",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGHUP": "its terminal or session was closed",
    "SIGILL": "illegal instruction",
    "SIGINT": "interrupted",
    "SIGKILL": "killed from outside",
    "SIGSEGV": "segmentation fault",
    "SIGTERM": "asked to end by another process, a scheduler or a shutdown",
    "SIGXCPU": "its limit of processor time was reached",
    "SIGXFSZ": "its limit for a file's size was reached",
}
_FATAL = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Floating point exception": "SIGFPE",
    "Floating-point exception": "SIGFPE",
    "Illegal instruction": "SIGILL",
}
_FATAL_HEADING = "Fatal Python error: "
_LEAVES_DUMP = frozenset({*_FATAL.values(), "SIGTERM", "SIGHUP"})


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception: the name of its class, its text, and its traceback as printed."""

    type: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """Who had started the process, at the time when watching began."""

    pid: int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an ended process.

    `kernel_status` is a raw wait status and `kernel_source` says where it was read; `exit_code` is
    what the C library's `exit` was called with; `interpreter_exited` is True if the interpreter ran
    its `atexit` calls; `dump` is the text of `faulthandler`.
    """

    kernel_status: int | None = None
    kernel_source: str | None = None
    exit_code: int | None = None
    exception: Raised | None = None
    last_exception_at_exit: Raised | None = None
    interpreter_exited: bool = False
    dump: str | None = None
    oom_kills_before: int | None = None
    oom_kills_after: int | None = None
    parent: Parent | None = None

    @property
    def uncaught(self) -> Raised | None:
        """The exception that reached the top of the script, as far as is known."""
        return self.exception or self.last_exception_at_exit

    @property
    def oom_kills(self) -> int:
        """How often the out-of-memory killer struck in the control group while the process was watched."""
        if self.oom_kills_before is None or self.oom_kills_after is None:
            return 0
        return max(0, self.oom_kills_after - self.oom_kills_before)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: `reason` and `certainty` in words, `code` to `traceback` of its error.

    `signal` is a name such as SIGKILL. Both `exit_code` and `signal` are None where they are not known.
    """

    status: str
    reason: str
    certainty: str
    code: str | None = None
    message: str | None = None
    type: str | None = None
    traceback: str | None = None
    exit_code: int | None = None
    signal: str | None = None

    @property
    def error(self) -> Mapping[str, str | None] | None:
        """The error of the run: code, message, type and traceback; None if there is none."""
        if self.code is None:
            return None
        return {"code": self.code, "message": self.message, "type": self.type, "traceback": self.traceback}


def decide(evidence: Evidence) -> Ending:
    """How the process ended, by the best evidence there is."""
    if evidence.kernel_status is not None:
        return _by_kernel(evidence, evidence.kernel_status)
    if evidence.exit_code is not None:
        return _by_exit_code(evidence, evidence.exit_code)
    if evidence.uncaught is not None:
        return _exception(
            evidence.uncaught, "an exception reached the top of the script; the exit status could not be read"
        )
    return _by_dump(evidence) or _by_absence(evidence)


def of_canceled(ending: Ending) -> Ending:
    """How a process ended whose run somebody wanted to be canceled: that it is, unless the script says otherwise.

    It says so by coming to its end, and by an exception other than the one that told it.
    """
    if ending.status != FAILED or ending.type not in {None, TOLD}:
        return ending
    certainty = f"the process ended: {ending.reason}; {ending.certainty}"
    return Ending(CANCELED, "", certainty, exit_code=ending.exit_code, signal=ending.signal)


def signal_name(number: int) -> str:
    """SIGKILL for 9; the number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _by_kernel(evidence: Evidence, status: int) -> Ending:
    source = f", {evidence.kernel_source}" if evidence.kernel_source else ""
    certainty = f"exact: the kernel's record of the process{source}"
    number = status & 0x7F
    if number:
        return _signal(evidence, signal_name(number), certainty)
    return _exit(evidence, status >> 8 & 0xFF, certainty)


def _by_exit_code(evidence: Evidence, code: int) -> Ending:
    certainty = "the exit code that the C library noted at the end; the kernel's record could not be read"
    if not evidence.interpreter_exited:
        certainty += "; the interpreter did not say that it ended, so the code may be that of a copy of the process"
    return _exit(evidence, code & 0xFF, certainty)


def _exit(evidence: Evidence, code: int, certainty: str) -> Ending:
    abrupt = "" if evidence.interpreter_exited else ", without the interpreter's usual end (os._exit or C code)"
    if code == 0:
        return Ending(COMPLETED, f"the script came to its end{abrupt}", certainty, exit_code=0)
    raised = evidence.uncaught
    if raised is not None and (code == 1 or (code == _INTERRUPTED and _is_interrupt(raised))):
        return replace(_exception(raised, certainty), exit_code=code)
    message = f"The script ended with exit code {code}{abrupt}."
    return Ending(FAILED, f"exit code {code}{abrupt}", certainty, "ExitCode", message, exit_code=code)


def _exception(raised: Raised, certainty: str) -> Ending:
    if _is_interrupt(raised):
        return Ending(CANCELED, "interrupted", certainty)
    message = f"User program failed with {raised.type}: {raised.message}"
    return Ending(
        FAILED, f"{raised.type} was not caught", certainty, "UserError", message, raised.type, raised.traceback
    )


def _is_interrupt(raised: Raised) -> bool:
    return raised.type == "KeyboardInterrupt"


def _signal(evidence: Evidence, name: str, certainty: str) -> Ending:
    if name == "SIGINT":
        return Ending(CANCELED, "interrupted", certainty, signal=name)
    if name == "SIGKILL" and evidence.oom_kills:
        return replace(_out_of_memory(evidence, certainty), signal=name)
    meaning = _MEANING.get(name)
    reason = f"{name}: {meaning}" if meaning else name
    trace = evidence.dump if name in _LEAVES_DUMP else None
    message = f"The process was ended by {reason}."
    return Ending(FAILED, reason, certainty, "Signal", message, traceback=trace, signal=name)


def _out_of_memory(evidence: Evidence, certainty: str) -> Ending:
    counted = (
        f"the counter of its control group went from {evidence.oom_kills_before} to {evidence.oom_kills_after}"
        " while it was watched (another process of the group could be the one that was counted)"
    )
    message = "The process was killed because the memory of its machine or control group ran out."
    return Ending(FAILED, "out of memory", f"{certainty}; {counted}", "OutOfMemory", message)


def _by_dump(evidence: Evidence) -> Ending | None:
    """The end that a stack tells of; a mere SIGTERM or SIGHUP counts only if the interpreter did not live on."""
    certainty = "the stack that the process left; the exit status could not be read"
    name = _fatal_signal(evidence.dump or "")
    if name is not None:
        return _signal(evidence, name, certainty)
    if not evidence.dump or evidence.interpreter_exited:
        return None
    message = "The process was ended by SIGTERM or SIGHUP."
    return Ending(FAILED, "SIGTERM or SIGHUP", certainty, "Signal", message, traceback=evidence.dump)


def _fatal_signal(dump: str) -> str | None:
    _, found, rest = dump.rpartition(_FATAL_HEADING)
    return _FATAL.get(rest.splitlines()[0].strip(), "SIGABRT") if found and rest else None


def _by_absence(evidence: Evidence) -> Ending:
    if evidence.interpreter_exited:
        certainty = "the interpreter came to its end and no exception was left; the exit code is not known"
        return Ending(COMPLETED, "the script came to its end", certainty)
    certainty = "the process is gone; its exit status could not be read, and it left nothing"
    if evidence.oom_kills:
        return _out_of_memory(evidence, certainty)
    return Ending(FAILED, KILLED, certainty, "ProcessDied", "The process ended without saying how.")
