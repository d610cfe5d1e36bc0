"""The watchdog as a process: it outlives what ends others, and nobody meets it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from ledger.watchdog.folder import ENDING, EXCEPTION, EXITED, EvidenceFolder
from ledger.watchdog.program import WATCHING
from ledger.watchdog.verdict import COMPLETED, KILLED
from tests.ledger.watchdog.scenes import ROOT, TOLD, assert_no_process_is_left, play, until, watchdog_of

_SHELL = ("/bin/sh", "-c", '"$@"; true', "sh")
_CARELESS = ("/bin/sh", "-c", "trap '' CHLD; \"$@\"; true", "sh")
"""A parent that lets its children go without ever being zombies."""
_WAIT = "ready()\nwhile not (folder / 'go').exists(): time.sleep(0.01)\n"
_OLD_KERNEL = "del os.pidfd_open"


def test_the_command_gets_the_folder(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", "pass")
    scene.ending()

    assert (scene.folder / TOLD).read_text() == f"{scene.folder}\n"
    assert scene.output() == ""


def test_a_kill_of_the_whole_process_group_is_told(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", "ready(); time.sleep(60)")
    until((scene.folder / "ready").exists, "the script is ready")
    os.killpg(scene.process.pid, signal.SIGKILL)

    assert scene.ending().signal == "SIGKILL"
    assert_no_process_is_left(scene.folder)


def test_a_kill_of_the_process_tree_does_not_find_the_watchdog(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", "subprocess.Popen(['sleep', '60']); ready(); time.sleep(60)")
    until((scene.folder / "ready").exists, "the script is ready")
    family = psutil.Process(scene.process.pid).children(recursive=True)
    for process in [*family, psutil.Process(scene.process.pid)]:
        process.kill()

    assert [process.pid for process in family] != [watchdog_of(scene.folder)]
    assert len(family) == 1
    assert scene.ending().signal == "SIGKILL"


def test_the_watchdog_is_deaf_to_what_ends_programs(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", _WAIT)
    watchdog = watchdog_of(scene.folder)
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT", "SIGPIPE", "SIGTSTP"):
        os.kill(watchdog, getattr(signal, name))
    (scene.folder / "go").touch()

    assert scene.ending().status == COMPLETED


def test_asleep_the_watchdog_is_small_and_has_no_terminal_folder_or_open_file_of_ours(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", _WAIT)
    watchdog = psutil.Process(watchdog_of(scene.folder))
    resident = watchdog.memory_info().rss
    opened = [str(path.readlink()) for path in Path(f"/proc/{watchdog.pid}/fd").iterdir()]
    where, terminal, session = watchdog.cwd(), watchdog.terminal(), os.getsid(watchdog.pid)
    (scene.folder / "go").touch()
    scene.ending()

    assert resident <= 15e6
    assert sorted(opened)[:3] == ["/dev/null"] * 3
    assert [name for name in opened if "pipe" in name or name.startswith(str(tmp_path))] == [
        str(scene.folder / WATCHING)
    ]
    assert (where, terminal) == ("/", None)
    assert session != os.getsid(0)


def test_training_lives_on_when_its_parent_is_killed(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", f"{_WAIT}sys.exit(3)", by=_SHELL)
    until((scene.folder / "ready").exists, "the script is ready")
    scene.process.kill()
    scene.process.wait()
    assert EvidenceFolder(scene.folder).ending() is None
    (scene.folder / "go").touch()

    assert scene.ending().exit_code == 3


def test_a_script_that_waits_for_its_children_meets_none_of_ours(tmp_path: Path) -> None:
    code = "\ntry: os.wait()\nexcept ChildProcessError: print('none'); sys.exit(3)"
    scene = play(tmp_path / "a", code)

    assert scene.ending().exit_code == 3
    assert scene.output() == "none\n"


def test_without_a_shell_the_child_can_be_reaped(tmp_path: Path) -> None:
    code = """
import ledger.watchdog.start as module
module._SHELL = "/nowhere/sh"
started = watch()
while started.child is not None:
    started.reap()
    time.sleep(0.01)
assert started.is_watching
try: os.wait()
except ChildProcessError: sys.exit(3)
"""
    scene = play(tmp_path / "a", code, watch=False)

    assert scene.ending().exit_code == 3
    assert_no_process_is_left(scene.folder)


def test_a_process_is_watched_once(tmp_path: Path) -> None:
    code = "again = start(folder, ['false']); print(started.is_watching, again.is_watching, again.problem)"
    scene = play(tmp_path / "a", code)

    assert scene.ending().status == COMPLETED
    assert scene.output() == f"True False {scene.folder} belongs to another process, or this one is watched already\n"


def test_where_nothing_can_be_written_nobody_watches_and_the_script_goes_on(tmp_path: Path) -> None:
    code = "folder = Path('/proc/nowhere'); started = watch(); print(started.is_watching, started.problem); sys.exit(3)"
    scene = play(tmp_path / "a", code, watch=False)

    assert scene.process.wait(30) == 3
    assert scene.output().startswith("False [Errno 2]")


_WORKERS = """
def rounds(method):
    context = multiprocessing.get_context(method)
    work = [(time.sleep, 0), (sys.exit, 5), (divmod, 1, 0), (signal.raise_signal, 9), (signal.raise_signal, 15)]
    workers = [context.Process(target=target, args=given) for target, *given in work]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return [worker.exitcode for worker in workers]
assert rounds(sys.argv[2]) == [0, 5, 1, -9, -15]
"""
_CHILDREN = """
def child(end):
    pid = os.fork()
    if pid == 0:
        assert not started.is_watching and not start(folder, ["false"]).is_watching
        end()
    os.waitpid(pid, 0)
for end in (lambda: None, lambda: sys.exit(9), lambda: 1 / 0, lambda: ctypes.string_at(0),
            lambda: os.kill(os.getpid(), signal.SIGTERM), lambda: ctypes.CDLL(None).exit(8)):
    child(lambda: (end(), sys.exit(0)))
"""
_UNTOUCHED = f"""
time.sleep(0.3)
left = [it for it in ("{ENDING}", "{EXCEPTION}", "{EXITED}", "{TOLD}") if (folder / it).exists()]
assert not left, left
assert (folder / "exit_code").read_bytes() == b"" and (folder / "stack.txt").read_bytes() == b""
sys.exit(3)
"""


def test_no_worker_and_no_child_ends_its_parent(tmp_path: Path) -> None:
    scenes = [
        play(tmp_path / method, _WORKERS.replace("sys.argv[2]", repr(method)) + _UNTOUCHED)
        for method in ("fork", "spawn", "forkserver")
    ]
    scenes.append(play(tmp_path / "children", _CHILDREN + _UNTOUCHED))
    for scene in scenes:
        ending = scene.ending()
        assert (ending.exit_code, ending.type) == (3, None), scene.output()
        assert_no_process_is_left(scene.folder)


def test_a_child_is_watched_by_one_of_its_own(tmp_path: Path) -> None:
    code = """
if os.fork() == 0:
    folder = folder / "child"
    watch()
    sys.exit(4)
os.wait()
sys.exit(3)
"""
    scene = play(tmp_path / "a", code)

    assert scene.ending().exit_code == 3
    until((scene.folder / "child" / TOLD).exists, "the child's end is told")
    found = EvidenceFolder(scene.folder / "child").ending()
    assert found is not None
    assert found[0].exit_code == 4


def test_without_the_kernels_record_the_process_tells_itself(tmp_path: Path) -> None:
    """As on a kernel before 5.3: the watchdog looks now and then, and the parent has asked long before."""
    ends = {
        "sys.exit(3)": ("Failed", "ExitCode", 3),
        "1 / 0": ("Failed", "UserError", 1),
        "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)": ("Canceled", None, None),
        "pass": ("Completed", None, 0),
        "ctypes.string_at(0)": ("Failed", "Signal", None),
        "os.kill(os.getpid(), 15)": ("Failed", "Signal", None),
        "os.kill(os.getpid(), 9)": ("Failed", "ProcessDied", None),
    }
    scenes = [play(tmp_path / str(number), code, _OLD_KERNEL, by=_CARELESS) for number, code in enumerate(ends)]
    for scene, expected in zip(scenes, ends.values(), strict=True):
        ending = scene.ending()
        assert (ending.status, ending.code, ending.exit_code) == expected, ending
        assert not ending.certainty.startswith("exact")
        assert_no_process_is_left(scene.folder)
    assert ending.reason == KILLED


def test_without_a_pidfd_a_zombie_tells_exactly(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", "os.kill(os.getpid(), 9)", _OLD_KERNEL)
    until((scene.folder / TOLD).exists, "the end is told")

    assert scene.ending().certainty.endswith("read before its parent had asked")


def test_a_late_parent_finds_an_exact_record_too(tmp_path: Path) -> None:
    """Nobody has asked for the status when the watchdog judges."""
    scene = play(tmp_path / "a", "os.kill(os.getpid(), 9)")
    until((scene.folder / TOLD).exists, "the end is told")

    assert scene.ending().certainty.endswith("read before its parent had asked")


def test_a_command_that_is_not_there_leaves_the_verdict(tmp_path: Path) -> None:
    code = "install(folder); start(folder, ['/nowhere/program']); sys.exit(3)"
    scene = play(tmp_path / "a", code, watch=False)
    scene.process.wait()
    until((scene.folder / ENDING).exists, "the verdict is written")

    found = EvidenceFolder(scene.folder).ending()
    assert found is not None
    assert found[0].exit_code == 3
    assert_no_process_is_left(scene.folder)


def test_a_folder_that_vanished_does_not_keep_the_command_from_running(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"start(folder, ['touch', {str(mark)!r}]); import shutil; shutil.rmtree(folder)"
    scene = play(tmp_path / "a", code, watch=False)
    scene.process.wait()

    until(mark.exists, "the command has run")


def test_the_folder_may_be_given_relative_to_where_the_script_runs(tmp_path: Path) -> None:
    code = "os.chdir(folder.parent); folder = Path(folder.name); watch(); os.chdir('/'); sys.exit(3)"
    scene = play(tmp_path / "a", code, watch=False)

    assert scene.ending().exit_code == 3


_BARE = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
for name in ("fcntl", "resource", "ctypes", "_ctypes", "faulthandler"): sys.modules[name] = None
for name in ("register_at_fork", "pidfd_open", "uname", "getuid", "geteuid"):
    if hasattr(os, name): delattr(os, name)
import subprocess
from pathlib import Path
from ledger.watchdog import alive, evidence, start
folder = Path(sys.argv[1])
installed = evidence.install(folder)
print(alive.is_gone(alive.ProcessIdentity.of(os.getpid())))
os.name = "nt"
print(start.start(folder, ["true"]).problem)
1 / 0
"""


def test_on_a_bare_system_what_is_missing_is_left_out(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BARE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )

    assert "ZeroDivisionError" in done.stderr
    assert "Error in sys.excepthook" not in done.stderr
    assert "no processes that outlive" in done.stdout
    assert EvidenceFolder(tmp_path).evidence().uncaught is not None


def test_importing_it_is_light() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import ledger.watchdog.start, ledger.watchdog.evidence, ledger.watchdog.alive
print(sorted({{"pydantic", "eventsourcing", "sqlite3", "asyncio", "ctypes", "faulthandler"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "[]\n"
