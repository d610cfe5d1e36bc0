"""`runledger sync`: what it delivers where, what it says, and what the shell is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.commands import StartRun
from runledger import Experiment, Workspace
from runledger.wiring import connect
from tests.ledger.offline.journals import elsewhere, journal_of
from tests.runledger.cli.calling import call, terminal

Note = Callable[..., None]


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "shared"


@pytest.fixture
def note(
    journals: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Note:
    """Notes a run offline, as a script does."""
    monkeypatch.setenv("RUNLEDGER_WATCHDOG", "0")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    node = tmp_path_factory.mktemp("node")

    def note(run_id: str, workspace: str | None = None) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("RUNLEDGER_MODE", "offline")
            patch.setenv("RUNLEDGER_JOURNAL_DIR", str(journals))
            patch.chdir(node)
            with Workspace(workspace) as opened:
                run = Experiment(opened, "offline").start_logging(run_id=run_id, snapshot_directory=None)
                run.log("loss", 0.5)
                run.complete()

    return note


def test_runs_are_delivered_to_a_folder_and_to_a_server_alike(place: str, journals: Path, note: Note) -> None:
    names = [f"{prefix}-{place.startswith('http')}" for prefix in ("one", "two")]
    for name in names:
        note(name)

    done = call("sync", journals, "-w", place)

    assert (done.code, done.err) == (0, "")
    assert [row["run_id"] for row in done.json] == names
    assert set(done.json[0]) == {"run_id", "writer", "host", "pid", "workspace", "state", "refused", "why"}
    assert [(row["state"], row["refused"], row["workspace"]) for row in done.json] == [("delivered", 0, None)] * 2
    shown = call("run", "show", "-r", names[0], "-w", place).json
    assert (shown["status"], shown["experiment_name"]) == ("Completed", "offline")
    assert call("run", "metrics", "-r", names[0], "-w", place).json[0]["last"] == 0.5


def test_a_dry_run_changes_nothing(empty: Path, journals: Path, note: Note) -> None:
    note("r")

    done = call("sync", journals, "--dry-run", "-w", empty)

    assert (done.code, done.json[0]["state"]) == (0, "would be delivered")
    assert call("run", "list", "-w", empty).json == []
    assert call("sync", journals, "-w", empty).json[0]["state"] == "delivered"


def test_what_was_noted_for_another_workspace_needs_a_word(
    empty: Path, journals: Path, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    note("here", str(empty))
    note("there", "http://ledger:5470")
    note("anywhere")
    monkeypatch.setenv("RUNLEDGER_WORKSPACE", str(empty))

    done = call("sync", journals)
    assert done.code == 7
    assert {row["run_id"]: row["state"] for row in done.json} == {
        "here": "delivered",
        "there": "left",
        "anywhere": "delivered",
    }
    (left,) = [row for row in done.json if row["state"] == "left"]
    assert left["why"].startswith("noted for http://ledger:5470: `-w http://ledger:5470` delivers it there")

    again = call("sync", journals, "-w", empty)
    assert (again.code, again.json[0]["state"], again.json[0]["workspace"]) == (0, "delivered", "http://ledger:5470")


def test_without_a_workspace_here_the_one_that_all_were_noted_for_is_meant(
    tmp_path_factory: pytest.TempPathFactory, journals: Path, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("far")
    assert call("init", place).code == 0
    note("r", str(place))
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))

    assert call("sync", journals).json[0]["state"] == "delivered"

    note("r2")
    assert call("sync", journals).code == 1
    assert "no workspace" in call("sync", journals).err


def test_the_folder_is_that_of_the_environment_unless_it_is_named(
    empty: Path, journals: Path, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    note("r")
    assert "No journals are in" in call("sync", "-w", empty).err
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(journals))

    assert call("sync", "-w", empty).json[0]["state"] == "delivered"

    done = call("sync", "-w", empty)
    assert (done.code, done.json) == (0, [])
    assert done.err == f"No journals are in {journals}.\n"
    assert call("sync", journals / "missing", "-w", empty).code == 2


def test_a_ledger_out_of_reach_loses_nothing(
    empty: Path, journals: Path, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.remote.client.SECONDS", 1.0)
    note("r")

    assert call("sync", journals, "-w", "http://127.0.0.1:9").code == 5

    assert call("sync", journals, "-w", empty).json[0]["state"] == "delivered"


def test_a_person_reads_which_host_still_has_what(empty: Path, journals: Path, note: Note) -> None:
    note("done")
    journal_of(journals / "any", "far", elsewhere())

    shown = terminal("sync", journals, "-w", empty, columns=180)

    assert shown.code == 7
    *_, heads, delivered, left = shown.out.splitlines()
    for words, line in (
        (("RUN", "WRITER", "HOST", "NOTED FOR", "STATE", "WHY"), heads),
        (("done", "any", "delivered", "it was closed"), delivered),
        (("far", "node7", "any", "left", "nobody can tell from here"), left),
    ):
        assert [word for word in words if word not in line] == []


def test_a_bad_mode_is_named(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_MODE", "ofline")
    with pytest.raises(Exception, match="RUNLEDGER_MODE must be online or offline, not 'ofline'"):
        Workspace(empty)


def test_a_folder_that_takes_no_journal_is_refused_at_the_start(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNLEDGER_MODE", "offline")
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path / "file"))
    with pytest.raises(Exception, match=r"no journal can be written: .*RUNLEDGER_JOURNAL_DIR"):
        Workspace(empty)


def test_nothing_is_submitted_offline(empty: Path, journals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_MODE", "offline")
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(journals))
    with Workspace(empty) as workspace, pytest.raises(Exception, match="nothing can be submitted offline"):
        workspace.compute_targets["local"]


def test_contacts_of_an_online_workspace_leave_offline_journals_to_a_sync(
    empty: Path, journals: Path, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    note("r", str(empty))
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(journals))

    assert call("run", "list", "-w", empty).json == []

    assert call("sync", journals, "-w", empty).json[0]["state"] == "delivered"


def test_an_attempt_that_resumes_offline_is_the_end_of_one_that_hangs_in_the_ledger(
    empty: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(str(empty))
    client.execute(StartRun(run_id="r", experiment="e"))
    client.close()
    monkeypatch.setenv("RUNLEDGER_WATCHDOG", "0")
    with monkeypatch.context() as patch:
        patch.setenv("RUNLEDGER_MODE", "offline")
        patch.setenv("RUNLEDGER_JOURNAL_DIR", str(journals))
        with Workspace(empty) as workspace:
            Experiment(workspace, "e").start_logging(run_id="r", resume="must", snapshot_directory=None).complete()

    assert call("sync", journals, "-w", empty).code == 0

    shown = call("run", "show", "-r", "r", "-w", empty).json
    assert (shown["status"], shown["attempt"]) == ("Completed", 2)
    reasons = [
        change["after"]
        for entry in call("run", "history", "-r", "r", "-w", empty).json
        for change in entry["changes"]
        if change["field"] == "status"
    ]
    assert reasons == ["Running", "Failed", "Running", "Completed"]
