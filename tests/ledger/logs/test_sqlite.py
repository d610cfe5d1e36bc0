"""The embedded log: many processes, forks, full disks."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.commands import StartRun, TagRun
from ledger.errors import UnavailableError, WorkspaceError
from ledger.store.database import Database
from ledger.verify import verify
from tests.ledger.conftest import CALLER, Open
from tests.ledger.small_disk import run_on_small_disk

ROOT = Path(__file__).resolve().parents[3]
_COMMANDS = 60


def writer(file: Path, number: int, count: int) -> "subprocess.Popen[str]":
    arguments = [
        sys.executable,
        "-m",
        "tests.ledger.logs.embedded_writer",
        str(file),
        str(number),
        str(count),
    ]
    return subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_eight_processes_write_at_once_and_lose_nothing(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="shared", experiment="many"), CALLER)

    processes = [writer(parts.database.path, number, _COMMANDS) for number in range(8)]
    errors = [process.communicate(timeout=120)[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * 8, errors
    assert len(ledger.run("shared").tags) == 8 * _COMMANDS // 2
    assert all(len(ledger.run(f"own-{number}").tags) == _COMMANDS // 2 for number in range(8))
    assert parts.database.last_place() == 2 + 8 * (1 + _COMMANDS)
    assert verify(parts.database)[0].broken is None


def test_killed_writers_leave_whole_appends_and_stop_nobody(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="shared", experiment="many"), CALLER)

    for number in range(4):
        process = writer(parts.database.path, number, 100_000)
        _wait(lambda: (parts.database.last_place() or 0) > 40 * (number + 1), process)  # noqa: B023
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    ledger.handle(TagRun(run_id="shared", tags={"after": None}), CALLER)

    assert "after" in ledger.run("shared").tags
    assert verify(parts.database)[0].broken is None


def _wait(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_writes_with_connections_of_its_own(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    child = os.fork()
    if child == 0:
        try:
            ledger.handle(TagRun(run_id="r", tags={"child": None}), CALLER)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a test's child must not come back
            os._exit(1)
    ledger.handle(TagRun(run_id="r", tags={"parent": None}), CALLER)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert set(ledger.run("r").tags) == {"child", "parent"}


_FILL = """
import sys
import threading
from pathlib import Path
from datetime import datetime, UTC
from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.commands import StartRun, TagRun
from ledger.errors import UnavailableError
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from ledger.verify import verify
from tests.ledger.small_disk import run_on_small_disk

folder = Path(sys.argv[1])
now = lambda: datetime.now(UTC)
database = Database(folder / "ledger.db", durable=True)
log = open_sqlite_log(database, "control", source="//s", actor="a", now=now)
ledger, caller = Ledger(LedgerRecorder(log, database), now=now), Caller("a", "//s")
ledger.handle(StartRun(run_id="r", experiment="e"), caller)
stored = 0
ballast = folder / "ballast"
ballast.write_bytes(b"x" * 900_000)
try:
    while True:
        ledger.handle(TagRun(run_id="r", tags={f"t{stored % 400}": f"{stored} " + "x" * 3000}), caller)
        stored += 1
except UnavailableError as error:
    print("full:", error)
assert verify(database)[0].broken is None
before = ledger.run("r").version
ballast.unlink()
ledger.handle(TagRun(run_id="r", tags={"after": None}), caller)
assert ledger.run("r").version == before + 1
assert before == stored + 1, (before, stored)
assert verify(database)[0].broken is None
print("stored", stored)
"""


def test_a_full_disk_is_a_clear_error_and_nothing_is_lost_or_half_written(tmp_path: Path) -> None:
    """On a real file system of 4 MB in a mount namespace of its own."""
    script = tmp_path / "fill.py"
    script.write_text(_FILL, encoding="utf-8")
    folder = tmp_path / "small"
    done = run_on_small_disk(folder, "4m", str(script), str(folder))

    assert done.returncode == 0, done.stderr
    assert "is full; nothing was stored" in done.stdout
    assert int(done.stdout.split("stored")[-1]) > 50


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"this is not a database, it is a letter" * 100)

    with pytest.raises(WorkspaceError, match="not what it should be"):
        Database(file, durable=True)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db", durable=True)
    database.reading().execute("PRAGMA user_version=99")
    database.close()

    with pytest.raises(WorkspaceError, match="schema version 99"):
        Database(tmp_path / "ledger.db", durable=True)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="missing"):
        Database(tmp_path / "missing" / "ledger.db", durable=True)


def test_closing_while_a_thread_reads_is_an_error_for_that_thread_and_nothing_worse(tmp_path: Path) -> None:
    for round_ in range(20):
        database = Database(tmp_path / f"{round_}.db", durable=False)
        errors: list[Exception] = []
        reading = threading.Event()

        def read(
            database: Database = database, errors: list[Exception] = errors, reading: threading.Event = reading
        ) -> None:
            try:
                while True:
                    database.events_after(0, limit=10)
                    reading.set()
            except UnavailableError as error:
                errors.append(error)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        reading.wait(10)
        database.close()
        for thread in threads:
            thread.join(10)

        assert len(errors) == 4
        assert set(map(str, errors)) == {f"{database.path} was closed; open the workspace again"}
