"""What dead processes left is delivered by whoever opens the workspace next, and their runs end."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.commands import ChangeStatus, ResumeRun, StartRun
from ledger.errors import UnavailableError
from ledger.journal.folder import Identity, WriterFolder
from ledger.journal.lines import line as as_line
from ledger.journal.lines import to_json
from ledger.journal.writer import JournalWriter
from ledger.metrics import SeriesQuery
from ledger.tracking.recovery import has_dead_writer, recover
from runledger.tracking import deliver_left_behind
from schemas.limits import Limits
from schemas.statuses import RunStatus
from tests.ledger.offline.journals import elsewhere, gone, journal_of
from tests.ledger.tracking.conftest import Line

ROOT = Path(__file__).resolve().parents[3]
BEGUN_BY = "5b0978ef-b645-4363-abae-2d7a4f375c5c"

SCRIPT = """
import os, signal, sys
from runledger import Experiment, Workspace
run = Experiment(Workspace(sys.argv[1]), "e").start_logging(run_id=sys.argv[2], snapshot_directory=None)
for number in range(500):
    run.log("loss", number, step=number)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path, run_id: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), run_id],
        cwd=ROOT,
        env=os.environ | {"RUNLEDGER_WATCHDOG": "0"},
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def journals(folder: Path) -> Path:
    return folder / ".runledger" / "journals"


def test_a_killed_training_has_all_its_points_and_is_failed(folder: Path, client: Client) -> None:
    killed(folder, "r")
    assert has_dead_writer(journals(folder), str(folder))
    assert deliver_left_behind(str(folder), client) == ["r"]
    (series,) = client.series(SeriesQuery(run_id="r"))
    assert list(series.values or ()) == list(range(500))
    document = client.run("r")
    assert document["status"] == "Failed"
    assert document["error"]["code"] == "ProcessDied"
    assert "ended without saying how" in document["error"]["message"]
    assert document["end_time_utc"] >= document["start_time_utc"]
    assert document["certainty"] == "the process is gone; its exit status could not be read, and it left nothing"
    assert not any(journals(folder).iterdir())
    assert deliver_left_behind(str(folder), client) == []


def test_opening_the_workspace_is_a_contact(folder: Path) -> None:
    killed(folder, "r")
    done = subprocess.run(
        [sys.executable, "-m", "runledger", "run", "show", "-r", "r", "-w", str(folder), "--query", "status"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip().strip('"') == "Failed"


def test_a_recovery_that_stops_half_way_goes_on_and_doubles_nothing(folder: Path, line: Line, client: Client) -> None:
    killed(folder, "r")
    broken = line.connect()
    line.lose_answers = 1
    with pytest.raises(UnavailableError):
        recover(journals(folder), str(folder), broken, Limits())
    assert client.run("r")["status"] == "Running"
    assert recover(journals(folder), str(folder), client, Limits()) == ["r"]
    (series,) = client.series(SeriesQuery(run_id="r"))
    assert list(series.values or ()) == list(range(500))


def test_a_living_process_is_left_alone(folder: Path, client: Client) -> None:
    client.execute(StartRun(run_id="r", experiment="e"))
    writer = left(folder, "r", begun_by="x")
    assert recover(journals(folder), str(folder), client, Limits()) == []
    assert client.run("r")["status"] == "Running"
    writer.close()


def left(folder: Path, run_id: str, begun_by: str | None, location: str | None = None) -> JournalWriter:
    name = os.urandom(16).hex()
    identity = Identity(run_id, name, location or str(folder), os.getpid(), "host", begun_by)
    return JournalWriter(WriterFolder(journals(folder) / name), identity)


def point(index: int) -> bytes:
    return as_line(to_json(["scalar", index, 1_000_000 + index, "loss", index, None, None]))


def test_a_damaged_journal_gives_what_can_be_read_and_says_so(folder: Path, client: Client) -> None:
    client.execute(StartRun(run_id="r", experiment="e"))
    writer = left(folder, "r", begun_by=None)
    for index in range(1, 11):
        writer.write(point(index) if index != 5 else b"garbage" + point(index))
    writer.write(point(11)[:-10])
    writer.close()
    assert recover(journals(folder), str(folder), client, Limits()) == ["r"]
    (series,) = client.series(SeriesQuery(run_id="r"))
    assert list(series.values or ()) == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    document = client.run("r")
    assert document["status"] == "Running"
    (warning,) = document["warnings"]
    assert "2 damaged record(s)" in warning["message"]


def test_a_later_attempt_is_not_ended_by_what_the_first_left(folder: Path, client: Client) -> None:
    begun = StartRun(run_id="r", experiment="e")
    client.execute(begun)
    left(folder, "r", begun_by=begun.command).close()
    client.execute(ChangeStatus(run_id="r", status=RunStatus.CANCELED))
    client.execute(ResumeRun(run_id="r"))
    assert recover(journals(folder), str(folder), client, Limits()) == ["r"]
    assert client.run("r")["status"] == "Running"


def test_a_journal_without_a_run_is_set_aside(folder: Path, client: Client) -> None:
    writer = left(folder, "nobody", begun_by=None)
    writer.write(point(1))
    writer.close()
    left(folder, "never started", begun_by="x").close()
    recover(journals(folder), str(folder), client, Limits())
    kept = list((journals(folder) / "undeliverable").iterdir())
    assert [path.name for path in kept] == [writer.identity.writer]
    assert recover(journals(folder), str(folder), client, Limits()) == []


def test_a_journal_of_another_workspace_is_left_alone(folder: Path, client: Client) -> None:
    left(folder, "r", begun_by=None, location="/elsewhere").close()
    assert recover(journals(folder), str(folder), client, Limits()) == []
    assert not has_dead_writer(journals(folder), str(folder))
    assert len(list(journals(folder).iterdir())) == 1


@pytest.mark.parametrize(("place", "recovered"), [("here", ["r"]), ("elsewhere", [])])
def test_on_a_network_file_system_a_free_lock_speaks_for_its_own_host_alone(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch, place: str, recovered: list[str]
) -> None:
    client.execute(StartRun(command=BEGUN_BY, run_id="r", experiment="e"))
    fields: dict[str, Any] = {"location": str(folder), "offline": False, "begun_by": BEGUN_BY}
    journal_of(journals(folder), "r", gone() if place == "here" else elsewhere(), **fields)
    monkeypatch.setattr("ledger.tracking.recovery.network_file_system", lambda _: "nfs")

    assert recover(journals(folder), str(folder), client, Limits()) == recovered

    monkeypatch.undo()
    assert recover(journals(folder), str(folder), client, Limits()) == ([] if recovered else ["r"])


def test_what_was_noted_offline_is_left_to_a_sync(folder: Path, client: Client) -> None:
    journal_of(journals(folder), "r", gone(), location=str(folder))

    assert not has_dead_writer(journals(folder), str(folder))
    assert recover(journals(folder), str(folder), client, Limits()) == []
