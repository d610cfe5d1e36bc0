"""Every way to end, by every source that can tell of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import RunCanceled
from ledger.watchdog.verdict import (
    CANCELED,
    COMPLETED,
    FAILED,
    KILLED,
    TOLD,
    Ending,
    Evidence,
    Raised,
    decide,
    of_canceled,
)

ERROR = Raised("ZeroDivisionError", "division by zero", "Traceback ...")
INTERRUPT = Raised("KeyboardInterrupt", "", "Traceback ...")
STACK = "Current thread 0x1 (most recent call first):\n  File train.py"
SEGFAULT = f"Fatal Python error: Segmentation fault\n\n{STACK}"
OOM = Evidence(oom_kills_before=3, oom_kills_after=4)


def exited(code: int) -> int:
    return code << 8


TABLE = {
    # name: (evidence, status, code of the error, exit code, signal)
    "normal": (Evidence(exited(0), exit_code=0, interpreter_exited=True), COMPLETED, None, 0, None),
    "sys.exit(3)": (Evidence(exited(3), exit_code=3, interpreter_exited=True), FAILED, "ExitCode", 3, None),
    "sys.exit(3) caught": (Evidence(exited(0), exit_code=0, interpreter_exited=True), COMPLETED, None, 0, None),
    "sys.exit(255)": (Evidence(exited(255), exit_code=-1, interpreter_exited=True), FAILED, "ExitCode", 255, None),
    "exception": (
        Evidence(exited(1), exit_code=1, exception=ERROR, interpreter_exited=True),
        FAILED,
        "UserError",
        1,
        None,
    ),
    "exception, hook replaced": (
        Evidence(exited(1), exit_code=1, last_exception_at_exit=ERROR, interpreter_exited=True),
        FAILED,
        "UserError",
        1,
        None,
    ),
    "exception shown, process went on": (
        Evidence(exited(0), exception=ERROR, interpreter_exited=True),
        COMPLETED,
        None,
        0,
        None,
    ),
    "exception shown, then sys.exit(3)": (
        Evidence(exited(3), exception=ERROR, interpreter_exited=True),
        FAILED,
        "ExitCode",
        3,
        None,
    ),
    "Ctrl-C": (Evidence(2, exception=INTERRUPT, interpreter_exited=True), CANCELED, None, None, "SIGINT"),
    "Ctrl-C, signal blocked": (
        Evidence(exited(130), exception=INTERRUPT, interpreter_exited=True),
        CANCELED,
        None,
        130,
        None,
    ),
    "exit code 130": (Evidence(exited(130), interpreter_exited=True), FAILED, "ExitCode", 130, None),
    "SIGTERM": (Evidence(15, dump=STACK), FAILED, "Signal", None, "SIGTERM"),
    "SIGHUP": (Evidence(1, dump=STACK), FAILED, "Signal", None, "SIGHUP"),
    "segmentation fault, with a core": (Evidence(11 | 0x80, dump=SEGFAULT), FAILED, "Signal", None, "SIGSEGV"),
    "abort": (Evidence(6), FAILED, "Signal", None, "SIGABRT"),
    "SIGKILL": (Evidence(9), FAILED, "Signal", None, "SIGKILL"),
    "SIGKILL, earlier kills": (
        Evidence(9, oom_kills_before=3, oom_kills_after=3),
        FAILED,
        "Signal",
        None,
        "SIGKILL",
    ),
    "out of memory": (replace(OOM, kernel_status=9), FAILED, "OutOfMemory", None, "SIGKILL"),
    "a worker out of memory, then an exception": (
        replace(OOM, kernel_status=exited(1), exception=ERROR, interpreter_exited=True),
        FAILED,
        "UserError",
        1,
        None,
    ),
    "a signal without a name": (Evidence(40), FAILED, "Signal", None, "signal 40"),
    "os._exit(0)": (Evidence(exited(0)), COMPLETED, None, 0, None),
    "os._exit(1)": (Evidence(exited(1)), FAILED, "ExitCode", 1, None),
    # From here on the kernel's record could not be read.
    "exit code 0 alone": (Evidence(exit_code=0, interpreter_exited=True), COMPLETED, None, 0, None),
    "exit code 3 alone": (Evidence(exit_code=3, interpreter_exited=True), FAILED, "ExitCode", 3, None),
    "exit code 1 and an exception": (
        Evidence(exit_code=1, exception=ERROR, interpreter_exited=True),
        FAILED,
        "UserError",
        1,
        None,
    ),
    "exception alone": (Evidence(exception=ERROR, interpreter_exited=True), FAILED, "UserError", None, None),
    "interrupt alone": (Evidence(exception=INTERRUPT, interpreter_exited=True), CANCELED, None, None, None),
    "exception before a dump": (Evidence(exception=ERROR, dump=SEGFAULT), FAILED, "UserError", None, None),
    "stack of a segmentation fault alone": (Evidence(dump=SEGFAULT), FAILED, "Signal", None, "SIGSEGV"),
    "stack of another fatal error": (
        Evidence(dump="Fatal Python error: none_dealloc: ...\n\n"),
        FAILED,
        "Signal",
        None,
        "SIGABRT",
    ),
    "stack alone": (Evidence(dump=STACK), FAILED, "Signal", None, None),
    "stack, and it lived on": (Evidence(dump=STACK, interpreter_exited=True), COMPLETED, None, None, None),
    "only the interpreter's end": (Evidence(interpreter_exited=True), COMPLETED, None, None, None),
    "the counter alone": (OOM, FAILED, "OutOfMemory", None, None),
    "nothing": (Evidence(), FAILED, "ProcessDied", None, None),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name: str) -> None:
    evidence, status, code, exit_code, signal = TABLE[name]
    ending = decide(evidence)

    assert (ending.status, ending.code, ending.exit_code, ending.signal) == (status, code, exit_code, signal)
    assert (ending.error is None) == (code is None)


def test_an_exception_is_told_as_in_the_process_itself() -> None:
    ending = decide(Evidence(exited(1), exception=ERROR, interpreter_exited=True))

    assert ending.error == {
        "code": "UserError",
        "message": "User program failed with ZeroDivisionError: division by zero",
        "type": "ZeroDivisionError",
        "traceback": "Traceback ...",
    }


def test_the_stack_goes_with_the_signals_that_leave_one_and_no_other() -> None:
    assert decide(Evidence(11, dump=SEGFAULT)).traceback == SEGFAULT
    assert decide(Evidence(15, dump=STACK)).traceback == STACK
    assert decide(Evidence(9, dump=STACK)).traceback is None
    assert decide(Evidence(exited(3), dump=STACK)).traceback is None


def test_the_certainty_is_exact_only_by_the_kernel() -> None:
    kernel = decide(Evidence(exited(3), "read in time", exit_code=3, interpreter_exited=True))
    noted = decide(Evidence(exit_code=3, interpreter_exited=True))
    copied = decide(Evidence(exit_code=3))

    assert kernel.certainty == "exact: the kernel's record of the process, read in time"
    assert "could not be read" in noted.certainty
    assert "may be that of a copy" in copied.certainty


def test_an_abrupt_exit_is_told_from_the_usual_end() -> None:
    assert decide(Evidence(exited(0))).reason.startswith("the script came to its end, without")
    assert decide(Evidence(exited(0), interpreter_exited=True)).reason == "the script came to its end"
    assert decide(Evidence()).reason == KILLED


def test_an_out_of_memory_kill_says_how_it_is_known() -> None:
    ending = decide(replace(OOM, kernel_status=9))

    assert ending.reason == "out of memory"
    assert "from 3 to 4" in ending.certainty


_raised = st.none() | st.builds(Raised, st.text(), st.text(), st.none() | st.text())
_count = st.none() | st.integers(0, 9)


@given(
    st.builds(
        Evidence,
        kernel_status=st.none() | st.integers(0, 0xFFFF),
        exit_code=st.none() | st.integers(-(2**31), 2**31 - 1),
        exception=_raised,
        last_exception_at_exit=_raised,
        interpreter_exited=st.booleans(),
        dump=st.none() | st.text() | st.text().map("Fatal Python error: {}".format),
        oom_kills_before=_count,
        oom_kills_after=_count,
    )
)
def test_whatever_is_found_there_is_a_verdict(evidence: Evidence) -> None:
    ending = decide(evidence)

    assert isinstance(ending, Ending)
    assert ending.status in {COMPLETED, FAILED, CANCELED}
    assert ending.reason
    assert ending.certainty
    assert (ending.status == FAILED) == (ending.error is not None)


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        (Evidence(exited(0), interpreter_exited=True), COMPLETED),
        (Evidence(exited(3), interpreter_exited=True), CANCELED),
        (Evidence(9), CANCELED),
        (Evidence(), CANCELED),
        (replace(OOM, kernel_status=9), CANCELED),
        (Evidence(exited(1), exception=ERROR, interpreter_exited=True), FAILED),
        (Evidence(exited(1), exception=Raised(TOLD, "run r was canceled"), interpreter_exited=True), CANCELED),
        (Evidence(2, exception=INTERRUPT), CANCELED),
    ],
)
def test_a_run_that_should_be_canceled_is_unless_its_script_says_otherwise(evidence: Evidence, status: str) -> None:
    ending, asked = decide(evidence), of_canceled(decide(evidence))

    assert asked.status == status
    assert asked == ending or (asked.error is None and ending.reason in asked.certainty)
    assert RunCanceled.__name__ == TOLD
