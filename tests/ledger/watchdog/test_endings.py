"""Every ending for real: one process each, all at once."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ledger.watchdog.verdict import CANCELED, COMPLETED, FAILED, Ending
from tests.ledger.watchdog.scenes import Scene, assert_no_process_is_left, play

_SLEEP = "ready(); time.sleep(60)"


@dataclass(frozen=True)
class Case:
    """A script, what it does `before` it is watched, the signal that is sent to it, and what must be found."""

    code: str
    status: str
    error: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    send: int | None = None
    trace: str | None = None
    before: str = ""


CASES = {
    "normal end": Case("pass", COMPLETED, exit_code=0),
    "sys.exit(0)": Case("sys.exit(0)", COMPLETED, exit_code=0),
    "sys.exit(3)": Case("sys.exit(3)", FAILED, "ExitCode", 3),
    "raise SystemExit(3)": Case("raise SystemExit(3)", FAILED, "ExitCode", 3),
    "sys.exit with words": Case("sys.exit('no data')", FAILED, "ExitCode", 1),
    "sys.exit(3) caught": Case("try: sys.exit(3)\nexcept SystemExit: pass", COMPLETED, exit_code=0),
    "exception": Case("def train(): 1 / 0\ntrain()", FAILED, "UserError", 1, trace="in train"),
    "exception in a thread": Case(
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()", COMPLETED, exit_code=0
    ),
    "sys.exit in a thread": Case(
        "thread = threading.Thread(target=sys.exit, args=(3,)); thread.start(); thread.join()", COMPLETED, exit_code=0
    ),
    "exception while a thread runs": Case(
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n1 / 0", FAILED, "UserError", 1
    ),
    "hook replaced": Case("sys.excepthook = lambda *it: None\n1 / 0", FAILED, "UserError", 1, trace="ZeroDivision"),
    "exception without words": Case(
        "class Odd(Exception):\n def __str__(self): raise ValueError\nraise Odd", FAILED, "UserError", 1
    ),
    "Ctrl-C": Case(_SLEEP, CANCELED, signal="SIGINT", send=signal.SIGINT),
    "Ctrl-C caught": Case(
        "try:\n ready(); time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(5)",
        FAILED,
        "ExitCode",
        5,
        send=signal.SIGINT,
    ),
    "SIGTERM": Case(
        f"def train(): {_SLEEP}\ntrain()", FAILED, "Signal", signal="SIGTERM", send=signal.SIGTERM, trace="in train"
    ),
    "SIGTERM handled": Case(
        f"signal.signal(signal.SIGTERM, lambda *it: sys.exit(7)); {_SLEEP}",
        FAILED,
        "ExitCode",
        7,
        send=signal.SIGTERM,
    ),
    "SIGTERM handled before": Case(
        _SLEEP,
        COMPLETED,
        exit_code=0,
        send=signal.SIGTERM,
        before="signal.signal(signal.SIGTERM, lambda *it: sys.exit(0))",
    ),
    "SIGHUP": Case(_SLEEP, FAILED, "Signal", signal="SIGHUP", send=signal.SIGHUP, trace="most recent call first"),
    "SIGKILL": Case(_SLEEP, FAILED, "Signal", signal="SIGKILL", send=signal.SIGKILL),
    "os._exit(0)": Case("os._exit(0)", COMPLETED, exit_code=0),
    "os._exit(1)": Case("os._exit(1)", FAILED, "ExitCode", 1),
    "segmentation fault": Case(
        "def train(): ctypes.string_at(0)\ntrain()", FAILED, "Signal", signal="SIGSEGV", trace="in train"
    ),
    "segmentation fault in a thread": Case(
        "def train(): ctypes.string_at(0)\nthread = threading.Thread(target=train); thread.start(); thread.join()",
        FAILED,
        "Signal",
        signal="SIGSEGV",
        trace="in train",
    ),
    "abort": Case("def train(): os.abort()\ntrain()", FAILED, "Signal", signal="SIGABRT", trace="in train"),
    "own signal": Case("os.kill(os.getpid(), signal.SIGUSR1)", FAILED, "Signal", signal="SIGUSR1"),
    "exit by C code": Case("ctypes.CDLL(None).exit(4)", FAILED, "ExitCode", 4),
    "every descriptor closed": Case("os.closerange(3, 5000); sys.exit(3)", FAILED, "ExitCode", 3),
    "replaced by another program": Case("os.execv('/bin/sh', ['sh', '-c', 'exit 6'])", FAILED, "ExitCode", 6),
    "faulthandler enabled later": Case(
        "faulthandler.enable(); ctypes.string_at(0)", FAILED, "Signal", signal="SIGSEGV"
    ),
    "faulthandler enabled before": Case(
        "ctypes.string_at(0)", FAILED, "Signal", signal="SIGSEGV", before="faulthandler.enable()"
    ),
    "faulthandler has SIGTERM": Case(
        _SLEEP,
        FAILED,
        "Signal",
        signal="SIGTERM",
        send=signal.SIGTERM,
        before="faulthandler.register(signal.SIGTERM, chain=True)",
    ),
    "SIGHUP ignored": Case(
        "os.kill(os.getpid(), signal.SIGHUP)",
        COMPLETED,
        exit_code=0,
        before="signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    ),
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scene]]:
    """All scripts, begun at once; the signals are sent."""
    place = tmp_path_factory.mktemp("endings")
    played = {
        name: play(place / str(number), case.code, case.before) for number, (name, case) in enumerate(CASES.items())
    }
    for name, case in CASES.items():
        if case.send is not None:
            played[name].signal_when_ready(case.send)
    yield played
    for scene in played.values():
        scene.process.kill()
        scene.process.wait()


def _found(ending: Ending) -> tuple[str, str | None, int | None, str | None]:
    return ending.status, ending.code, ending.exit_code, ending.signal


@pytest.mark.parametrize("name", CASES)
def test_the_verdict(name: str, scenes: dict[str, Scene]) -> None:
    case, scene = CASES[name], scenes[name]
    ending = scene.ending()

    assert _found(ending) == (case.status, case.error, case.exit_code, case.signal)
    assert ending.certainty.startswith("exact")
    if case.trace is not None:
        assert case.trace in (ending.traceback or "")
    if case.status == CANCELED:
        assert ending.reason == "interrupted"
    assert_no_process_is_left(scene.folder)
    assert not list(scene.folder.glob("trouble*"))
