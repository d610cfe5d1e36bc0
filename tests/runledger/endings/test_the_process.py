"""What tracking does to the process that it is done in, and to all of its runs at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control_group import control_group
from tests.ledger.watchdog.scenes import unshare
from tests.runledger.endings.playing import Stage
from tests.runledger.endings.scripts import BEGIN, POINTS, READY, Case

_FAMILY = """
parent = run.child_run(run_id="child")
parent.child_run(run_id="grandchild").log("loss", 1)
other = run.experiment.start_logging(run_id="other", snapshot_directory=None)
run.child_run(run_id="ended before").complete()
for each in (parent, other): each.log("loss", 1)
"""


def test_all_open_runs_of_a_process_end_alike(stage: Stage) -> None:
    killed = Case("os.kill(os.getpid(), 9)", "Failed", "SIGKILL", before=_FAMILY.replace("ended before", "ended"))
    stage.play({"several": killed})

    for run_id, points in (("several", POINTS), ("child", 1), ("grandchild", 1), ("other", 1)):
        run = stage.ended(run_id)
        assert (run["status"], run["points"]) == ("Failed", {"loss": points})
        assert run["certainty"].startswith("exact"), run
    assert stage.ended("ended")["status"] == "Completed"
    stage.assert_nothing_is_left()


_LOOK = """
import atexit, faulthandler, gc, logging, threading
def look():
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    functions = sys.exit, os._exit, os.kill, os.fork, signal.signal, subprocess.Popen, threading.Thread.start
    hooks = sys.unraisablehook, threading.excepthook, sys.displayhook, sys.gettrace(), sys.stdout, sys.stderr
    return handlers, functions, hooks, gc.get_threshold()
def masks():
    lines = Path("/proc/self/status").read_text().splitlines()
    return [line for line in lines if line.startswith(("SigBlk", "SigIgn"))]
def own(number, frame): pass
signal.signal(signal.SIGUSR2, own)
before, masked, hook, threads = look(), masks(), sys.excepthook, set(threading.enumerate())
run = start()
run.log("loss", 1)
assert look() == before and masks() == masked
added = set(threading.enumerate()) - threads
assert {thread.name for thread in added} == {"runledger-shipper"} and all(thread.daemon for thread in added)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler and not logging.getLogger().handlers
called = []
sys.excepthook.__self__._earlier_hook = lambda *it: called.append(it)
sys.excepthook(ValueError, ValueError("x"), None)
assert len(called) == 1 and sys.excepthook.__self__._folder and hook is sys.__excepthook__
sys.excepthook.__self__._earlier_hook = hook
try: os.wait()
except ChildProcessError: pass
else: raise AssertionError("it has a child")
run.complete()
assert look() == before and masks() == masked
"""


def test_nothing_in_the_process_is_other_than_before_but_for_a_hook_that_calls_the_one_before(stage: Stage) -> None:
    """No signal is handled, blocked or ignored, nothing is wrapped, no child is there; one daemon thread ships."""
    stage.play({"looks": Case("", "Completed", "", whole=f"{BEGIN}{_LOOK}{READY}")})

    assert stage.scripts["looks"].output == ""
    assert stage.ended("looks")["status"] == "Completed"
    stage.assert_nothing_is_left()


@pytest.fixture
def group() -> Iterator[Path | None]:
    """A control group of 120 MB; None where none can be made."""
    with control_group("endings", 120) as made:
        yield made


def test_a_script_that_is_killed_for_lack_of_memory(group: Path | None, stage: Stage) -> None:
    """By the kernel, in a control group of its own; where none can be made, with a counter that only says so."""
    if group is not None:
        print("a child is killed by the memory limit of its control group")
        join = f"Path({str(group / 'cgroup.procs')!r}).write_text(str(os.getpid()))\n"
        case = Case("hoard = bytearray(500_000_000)", "Failed", "out of memory", first=join)
    else:
        print("no control group can be made here: a counter is raised, and SIGKILL sent")
        counter = stage.folder / "memory.events"
        counter.write_text("oom_kill 0\n")
        fake = f"from ledger.watchdog import memory\nmemory.counter_file = lambda: Path({str(counter)!r})\n"
        end = f"Path({str(counter)!r}).write_text('oom_kill 1\\n'); os.kill(os.getpid(), 9)"
        case = Case(end, "Failed", "out of memory", first=fake)
    stage.play({"oom": case})
    run = stage.ended("oom")

    assert (run["status"], run["status_reason"]) == ("Failed", "out of memory"), run
    assert run["error"]["code"] == "OutOfMemory"
    assert run["certainty"].startswith("exact")
    assert "from 0 to 1" in run["certainty"]
    assert run["points"] == {"loss": POINTS}
    stage.assert_nothing_is_left()


def test_a_script_that_is_the_first_process_of_a_container_and_vanishes(stage: Stage) -> None:
    """Nobody is left to tell: who uses the workspace next finds out."""
    code = "time.sleep(3.1); os._exit(7)"
    stage.play({"container": Case(code, "Failed", "", by=unshare("--mount-proc"))})
    stage.contact()
    run = stage.ended("container")

    assert (run["status"], run["points"]) == ("Failed", {"loss": POINTS})
    assert run["status_reason"] == "killed or os._exit (cause unknown)"
    assert run["certainty"] == "the process is gone; its exit status could not be read, and it left nothing"
    stage.assert_nothing_is_left()


def test_turned_off_nobody_watches_and_the_next_contact_finds_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_WATCHDOG", "0")
    codes = {"killed": "os.kill(os.getpid(), signal.SIGKILL)", "raises": "1 / 0", "comes to its end": ""}
    looks = f"assert not list(Path({str(stage.folder)!r}).rglob('processes'))\n"
    stage.play({name: Case(code, "", "", before=looks) for name, code in codes.items()})
    raised, ended = stage.ended("raises"), stage.ended("comes to its end")
    assert (raised["status"], raised["error"]["type"]) == ("Failed", "ZeroDivisionError")
    assert ended["status"] == "Completed"
    assert ended["certainty"].endswith("the exit code is not known")

    monkeypatch.delenv("RUNLEDGER_WATCHDOG")
    stage.contact()
    killed = stage.ended("killed")
    assert (killed["status"], killed["status_reason"]) == ("Failed", "killed or os._exit (cause unknown)")
    assert killed["points"] == {"loss": POINTS}
    stage.assert_nothing_is_left()
