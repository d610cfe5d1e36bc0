"""Where something is missing (macOS, Windows, old kernels) everything runs, and the certainty says what is lower.

Each lack is forced on Linux: the modules, functions and files are taken from the scripts' interpreters.
"""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.runledger.endings.playing import ROOT, SECONDS, Stage
from tests.runledger.endings.scripts import POINTS, Case, text_of

NO_PIDFD = "import os\ndel os.pidfd_open\n"
NO_PROC = """
import builtins, io, os, pathlib
def hide(function):
    def hidden(path, *more, **named):
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc"):
            raise FileNotFoundError(2, "hidden", path)
        return function(path, *more, **named)
    return hidden
for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "readlink"), (os, "stat")):
    setattr(module, name, hide(getattr(module, name)))
"""
NO_GLIBC = "import sys\nsys.modules['ctypes'] = sys.modules['_ctypes'] = None\n"
NO_FAULTHANDLER = "import sys\nsys.modules['faulthandler'] = None\n"
NO_FORK_HOOKS = "import concurrent.futures.thread, logging, os, random, threading\ndel os.register_at_fork\n"
# The standard library is that of Linux, and loaded before. Locks are made of those of Linux, which are alike in this:
# they are of one open file, and given back when it is closed.
WINDOWS = f"""
import asyncio, getpass, http.client, multiprocessing.context, pathlib, platform, shutil, sqlite3, subprocess, tempfile
import uuid, pyarrow
{NO_PIDFD}{NO_GLIBC}{NO_PROC}{NO_FORK_HOOKS}
import faulthandler, fcntl, signal, sys, types
def locking(descriptor, mode, size, lock=fcntl.flock, how=fcntl.LOCK_EX | fcntl.LOCK_NB): lock(descriptor, how)
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
for name in ("fcntl", "resource", "pwd", "grp", "termios"): sys.modules[name] = None
for name in ("uname", "getuid", "geteuid", "getppid", "setsid", "getsid", "fork"): delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGTSTP"): delattr(signal, name)
del faulthandler.register
from ledger.watchdog import start as starting
starting.os = types.SimpleNamespace(**{{**vars(os), "name": "nt"}})
"""

LACKS = {
    "no pidfd": NO_PIDFD,
    "no /proc": NO_PROC,
    "no glibc": NO_GLIBC,
    "macOS": NO_PIDFD + NO_PROC + NO_GLIBC,
    "bare": NO_FAULTHANDLER + NO_FORK_HOOKS,
    "Windows": WINDOWS,
}
ENDS = {
    "completed": Case("run.complete()", "Completed", ""),
    "to its end": Case("", "Completed", "the script"),
    "raises": Case("1 / 0", "Failed", "", "ZeroDivisionError"),
    "killed": Case("os.kill(os.getpid(), 9)", "Failed", ""),
}


def _told(lack: str, end: str, certainty: str) -> bool:
    """Whether the certainty is what can be had there."""
    if end == "completed":
        return certainty == ""
    if lack == "Windows":
        known = {"to its end": "the exit code is not known", "raises": "", "killed": "could not be read"}
        return known[end] in certainty and not certainty.startswith("exact")
    return certainty.startswith("exact") or "could not be read" in certainty or "is not known" in certainty


def test_runs_end_as_they_should_where_something_is_missing(embedded: Stage) -> None:
    """What the script lacks, its watchdog is not given either."""
    names = {f"{lack}: {end}": (lack, end) for lack in LACKS for end in ENDS}
    embedded.play(
        {name: replace(ENDS[end], whole=LACKS[lack] + text_of(ENDS[end])) for name, (lack, end) in names.items()}
    )
    embedded.contact()
    for name, (lack, end) in names.items():
        run, case = embedded.ended(name), ENDS[end]
        assert run["status"] == case.status, str(run)
        assert case.error in run.get("error", {}).get("message", ""), str(run)
        assert run["points"] == {"loss": POINTS}
        assert _told(lack, end, run.get("certainty", "")), str(run)
    embedded.assert_nothing_is_left()


_IMPORT = """
import pkgutil
import alerts, ledger, projections, runledger, schemas
for package in (schemas, ledger, projections, alerts, runledger):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not any(word in module.name for word in ("__main__", "kafka", "postgres", ".local")): __import__(module.name)
"""


@pytest.mark.parametrize("lack", LACKS)
def test_everything_can_be_imported_where_something_is_missing(lack: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LACKS[lack] + _IMPORT],
        cwd=ROOT, env=os.environ, timeout=SECONDS, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
