"""`runledger erase`: a text is nowhere any more, whenever it was interrupted; and what cannot be erased is said."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ledger.commands import AddUser, AlertRun, ChangeUser, TagRun, WarnRun
from ledger.domain.refusals import RefusedLogin
from runledger import Experiment, Run, Workspace
from runledger.wiring import caller, embedded_workspace
from schemas.errors import LedgerError
from schemas.roles import Role
from tests.runledger.cli.calling import SECONDS, call, terminal
from tests.runledger.cli.test_alert import relay
from tests.runledger.cli.traces import traces
from tests.runledger.relay import Relay
from tests.runledger.server.running import running

__all__ = ["relay"]

ZEBRA = "Żebra-4711"
"""Stands in every text of a run that is to be erased: each is found by it, in any form."""

GIRAFFE = "Giraffe-0815"
ERASED_EVENT = "runledger.personal-data.erased.v1"
STEPS = ("keys", "log", "files", "journals", "lakes", "views")


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    place = tmp_path / "w"
    made = call("init", place, "--encrypt-personal")
    assert made.json["keys"] == str(place / ".runledger" / "keys" / "personal")
    assert "apart from every backup" in made.err
    return place


def train(place: Path, run_id: str, text: str) -> None:
    """A run with a text in every place that takes one."""
    source = place.parent / f"source-{run_id}"
    source.mkdir()
    (source / "train.py").write_text(f"# {text} in code", encoding="utf-8")
    (source / "report.txt").write_text(f"{text} in a file of {run_id}", encoding="utf-8")
    with Workspace(place) as workspace:
        run = Experiment(workspace, "e").start_logging(
            run_id=run_id,
            display_name=f"{text} display",
            tags={"tag": f"{text} at first"},
            snapshot_directory=None,
        )
        run.take_snapshot(str(source))
        run.tag("tag", f"{text} overwritten")
        run.tag("tag", f"{text} last")
        run.add_properties({"author": f"{text} author"})
        with suppress(LedgerError):
            run.add_properties({"author": f"{text} refused"})
        run.log_params({"path": f"/home/{text}", "lr": 0.1})
        run.log("note", f"{text} logged")
        run.log("loss", 0.5)
        run.log_list("list", [f"{text} one", f"{text} two"])
        run.log_table("table", {"column": [f"{text} cell"], "number": [1]})
        run.upload_file("report.txt", str(source / "report.txt"))
        client = workspace.client
        client.execute(TagRun(run_id=run_id, tags={"more": text}, reason=f"{text} why", on_behalf_of=f"{text} whom"))
        client.execute(WarnRun(run_id=run_id, source="s", code="c", message=f"{text} warning"))
        client.execute(AlertRun(run_id=run_id, title=f"{text} title", text=f"{text} alert", level="warning"))
        run.fail(f"{text} error")
    shutil.rmtree(source)


def look(place: Path, run_id: str) -> str:
    """Ask everything, so that every view and cache has what it shows."""
    asked = [("run", "show"), ("run", "history"), ("run", "metrics"), ("run", "files")]
    shown = [call(*words, "-r", run_id, "-w", place).out for words in asked]
    more = [("run", "list"), ("audit",), ("events", "tail"), ("run", "list", "--as-of", "5")]
    with Workspace(place) as workspace:
        run = Run.get(workspace, run_id)
        shown += [repr(run.get_metrics()), repr(run.get_details()), repr(run.get_tags())]
    return "".join([*shown, *(call(*words, "-w", place).out for words in more)])


def erase(place: Path, run_id: str = "r1") -> None:
    done = call("erase", "run", run_id, "--reason", "asked to", "--yes", "-w", place)
    assert done.code == 0, done.err
    assert done.json["erased"] is True


def check_erased(place: Path, run_id: str = "r1", text: str = ZEBRA) -> None:
    assert traces(place, text) == []
    assert text not in look(place, run_id)
    assert call("verify", "-w", place).code == 0
    shown = call("run", "show", "-r", run_id, "-w", place).json
    assert (shown["name"], shown["tags"]["tag"]) == ("(erased)", "(erased)")
    assert set(shown["properties"].values()) == {"(erased)"}
    assert shown["parameters"] == {"path": "(erased)", "lr": 0.1}


def test_nothing_is_left_of_an_erased_run_and_all_is_left_of_another(encrypted: Path) -> None:
    train(encrypted, "r1", ZEBRA)
    train(encrypted, "r2", GIRAFFE)
    lake = encrypted / "lake"
    assert call("replay", "-w", encrypted, "-o", lake).code == 0
    assert ZEBRA in look(encrypted, "r1")
    assert "giraffe-0815" in look(encrypted, "r2").casefold()
    held = traces(encrypted, ZEBRA)
    assert "ledger.db" not in " ".join(held)
    assert {".runledger/views.db", "lake/runs/runs.parquet"} < set(held)
    before = {path: path.read_bytes() for path in (lake / "experiments").rglob("*.parquet")}
    rows = {kind: rows_of(lake, kind) for kind in ("events", "metrics", "runs")}

    erase(encrypted)

    check_erased(encrypted)
    assert {path: path.read_bytes() for path in before} == before
    for kind, was in rows.items():
        now = rows_of(lake, kind)
        assert [row for row in now if row["run_id"] != "r1"] == [row for row in was if row["run_id"] != "r1"]
        assert len(now) == len(was)
    assert traces(encrypted, GIRAFFE)
    assert call("run", "list", "-w", encrypted, "--query", "[?run_id=='r2'].name").json == [f"{GIRAFFE} display"]
    (last,) = call("run", "history", "-r", "r1", "-w", encrypted, "--query", "[-1:]").json
    assert (last["event"], last["reason"]) == (ERASED_EVENT, "asked to")


def rows_of(lake: Path, kind: str) -> list[dict[str, object]]:
    files = sorted((lake / kind).rglob("*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def test_a_lake_that_was_rewritten_is_one_that_is_replayed_anew_and_goes_on(encrypted: Path) -> None:
    train(encrypted, "r1", ZEBRA)
    lake, again = encrypted / "lake", encrypted / "again"
    assert call("replay", "-w", encrypted, "-o", lake).code == 0
    position = json.loads(call("events", "tail", "-w", encrypted).out.splitlines()[-1])["position"]
    erase(encrypted)
    assert call("replay", "-w", encrypted, "-o", again, "--as-of", position).code == 0
    for kind in ("events", "metrics", "runs"):
        assert rows_of(lake, kind) == rows_of(again, kind)
    train(encrypted, "r2", GIRAFFE)
    added = call("replay", "-w", encrypted, "-o", lake)
    call("replay", "-w", encrypted, "-o", encrypted / "whole")
    assert added.json["events"] > 1
    for kind in ("events", "metrics", "runs"):
        assert rows_of(lake, kind) == rows_of(encrypted / "whole", kind)


KILLED = """
import os, signal, sys
from runledger.erasing import erasure_of_run, steps
from runledger.wiring import embedded_workspace
with embedded_workspace(sys.argv[1]) as parts:
    for step in steps(parts, erasure_of_run(parts, sys.argv[2]), "asked to"):
        if step.name == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        step.do()
"""


def test_killed_before_any_step_it_is_completed_by_another_call(encrypted: Path) -> None:
    for number in range(len(STEPS)):
        train(encrypted, f"r{number}", f"{ZEBRA}-{number}")
    assert call("replay", "-w", encrypted, "-o", encrypted / "lake").code == 0
    for number, step in enumerate(STEPS):
        look(encrypted, f"r{number}")
        command = [sys.executable, "-c", KILLED, str(encrypted), f"r{number}", step]
        assert subprocess.run(command, timeout=SECONDS, check=False).returncode == -signal.SIGKILL
        assert traces(encrypted, f"{ZEBRA}-{number}"), step
        erase(encrypted, f"r{number}")
        check_erased(encrypted, f"r{number}", f"{ZEBRA}-{number}")
        history = call("run", "history", "-r", f"r{number}", "-w", encrypted).json
        noted = [each for each in history if each["event"] == ERASED_EVENT]
        assert len(noted) == 1, "however often it is called, it is noted once"
    assert traces(encrypted, ZEBRA) == []


def test_a_process_that_had_the_workspace_open_shows_it_no_more(encrypted: Path) -> None:
    train(encrypted, "r1", ZEBRA)
    with Workspace(encrypted) as workspace:
        run = Run.get(workspace, "r1")
        assert ZEBRA in repr([run.get_details(), run.get_metrics(), run.get_tags()])
        erase(encrypted)

        again = Run.get(workspace, "r1")
        assert ZEBRA not in repr([again.get_details(), again.get_metrics(), again.get_tags()])
    assert traces(encrypted, ZEBRA) == []


def test_a_file_that_another_run_has_stays_until_that_is_erased_too(encrypted: Path) -> None:
    shared = encrypted / "shared.txt"
    shared.write_text("of both", encoding="utf-8")
    with Workspace(encrypted) as workspace:
        for run_id in ("r1", "r2"):
            with Experiment(workspace, "e").start_logging(run_id=run_id, snapshot_directory=None) as run:
                run.upload_file("shared.txt", str(shared))
    shared.unlink()

    erase(encrypted, "r1")
    assert traces(encrypted, "of both")
    erase(encrypted, "r2")
    assert not traces(encrypted, "of both")
    missing = call("run", "download", "-r", "r2", "-d", encrypted / "down", "-w", encrypted)
    assert missing.code == 3, missing.err


def test_what_was_stored_before_is_not_erased_and_that_is_said(tmp_path: Path) -> None:
    call("init", tmp_path)
    train(tmp_path, "r1", ZEBRA)
    refused = call("erase", "run", "r1", "--reason", "asked to", "--yes", "-w", tmp_path)
    assert refused.code == 4
    for said in ("cannot be erased", "in vain", "runledger init --encrypt-personal", "new workspace"):
        assert said in refused.err
    assert call("init", tmp_path, "--encrypt-personal").code == 0
    refused = call("erase", "run", "r1", "--reason", "asked to", "--yes", "-w", tmp_path)
    assert (refused.code, "before encryption was set up" in refused.err) == (4, True)
    assert ZEBRA in look(tmp_path, "r1"), "a mixed log is read"

    call("run", "tag", "-r", "r1", f"later={GIRAFFE}", "-w", tmp_path)
    assert not [path for path in traces(tmp_path, GIRAFFE) if "ledger.db" in path]
    mixed = call("erase", "run", "r1", "--reason", "asked to", "--yes", "-w", tmp_path)
    assert (mixed.code, "their text stays in the log" in mixed.err) == (0, True)
    shown = call("run", "show", "-r", "r1", "-w", tmp_path).json
    assert (shown["tags"]["later"], shown["tags"]["tag"]) == ("(erased)", f"{ZEBRA} last")
    assert traces(tmp_path, GIRAFFE) == []


def test_a_run_that_goes_on_and_one_that_is_not_there_are_refused(encrypted: Path) -> None:
    call("run", "start", "-e", "e", "--run-id", "on", "-w", encrypted)
    with Workspace(encrypted) as workspace:
        run = Experiment(workspace, "e").start_logging(run_id="going", snapshot_directory=None)
        refused = call("erase", "run", "going", "--reason", "x", "--yes", "-w", encrypted)
        assert (refused.code, "End it first" in refused.err) == (4, True)
        run.complete()
    assert call("erase", "run", "nobody", "--reason", "x", "--yes", "-w", encrypted).code == 3


def test_it_asks_first_and_tells_without_doing(encrypted: Path) -> None:
    train(encrypted, "r1", ZEBRA)
    told = call("erase", "run", "r1", "--reason", "x", "--dry-run", "-w", encrypted)
    assert (told.code, told.json["erased"], told.json["run_id"], told.json["files"]) == (0, False, "r1", 2)
    assert told.json["events"] > 10
    asked = call("erase", "run", "r1", "--reason", "x", "-w", encrypted)
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert call("erase", "run", "r1", "--yes", "-w", encrypted).code == 2
    assert ZEBRA in look(encrypted, "r1")
    shown = terminal("erase", "run", "r1", "--reason", "x", "--yes", "-w", encrypted)
    assert "the text of run r1 is erased" in shown.out


def test_keys_that_are_away_are_a_clear_error(encrypted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(encrypted, "r1", ZEBRA)
    monkeypatch.setenv("RUNLEDGER_KEYS", str(encrypted / "nowhere"))
    erasing = ("erase", "run", "r1", "--reason", "x")
    for words in (("run", "history", "-r", "r1"), ("run", "tag", "-r", "r1", "a"), erasing):
        failed = call(*words, "-w", encrypted)
        assert (failed.code, "RUNLEDGER_KEYS" in failed.err) == (5, True), failed
    assert call("verify", "-w", encrypted).code == 0, "the chain needs no key"
    (finding,) = [each for each in call("doctor", "-w", encrypted).json if each["what"] == "keys"]
    assert finding["level"] == "fail"
    monkeypatch.delenv("RUNLEDGER_KEYS")
    assert ZEBRA in look(encrypted, "r1")
    (finding,) = [each for each in call("doctor", "-w", encrypted).json if each["what"] == "keys"]
    assert finding["level"] == "ok"


def test_keys_lie_where_they_are_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_KEYS", str(tmp_path / "keys"))
    made = call("init", tmp_path / "w", "--encrypt-personal")
    assert made.json["keys"] == str(tmp_path / "keys")
    train(tmp_path / "w", "r1", ZEBRA)
    assert len(list((tmp_path / "keys").glob("??/*.json"))) >= 1
    assert not (tmp_path / "w" / ".runledger" / "keys" / "personal").exists()
    again = call("init", tmp_path / "w", "--encrypt-personal")
    assert again.code == 0, "set up again, it stays as it is"


@pytest.fixture
def people(encrypted: Path) -> Path:
    """A user who had two addresses, logged in from somewhere, and could not once."""
    with embedded_workspace(str(encrypted)) as parts:
        by = caller()
        parts.ledger.handle(AddUser(user="ann", role=Role.VIEWER, email="ann@old.example"), by)
        parts.ledger.handle(ChangeUser(user="ann", email="ann@new.example"), by)
        parts.ledger.handle(AddUser(user="bob", role=Role.ADMIN, email="bob@x.example"), by)
        parts.ledger.note_refused_logins([RefusedLogin("ann", "10.1.2.3", "wrong password", 2)], by)
        parts.ledger.note_refused_logins([RefusedLogin("bob", "10.9.9.9", "wrong password", 1)], by)
    call("audit", "-w", encrypted)
    return encrypted


def test_a_user_is_disabled_and_erased(people: Path) -> None:
    listed = call("user", "list", "-w", people).json
    assert [user["email"] for user in listed] == ["ann@new.example", "bob@x.example"]
    done = call("erase", "user", "Ann", "--reason", "left", "--yes", "-w", people)
    assert done.code == 0, done.err
    assert len(done.json["subjects"]) == 3

    for text in ("ann@old.example", "ann@new.example", "10.1.2.3"):
        assert traces(people, text) == [], text
    audit = call("audit", "-w", people).out
    assert "10.1.2.3" not in audit
    assert "10.9.9.9" in audit
    users = {user["user"]: user for user in call("user", "list", "-w", people).json}
    gone = users["(erased)"]
    assert (gone["email"], gone["disabled"]) == ("(erased)", True)
    assert users["bob"]["email"] == "bob@x.example"
    assert call("verify", "-w", people).code == 0
    assert call("user", "add", "ann", "--role", "viewer", "--no-password", "-w", people).code == 0
    assert "ann" in [user["user"] for user in call("user", "list", "-w", people).json]
    assert call("erase", "user", "nobody", "--reason", "x", "--yes", "-w", people).code == 3


def test_a_server_that_runs_meanwhile_shows_it_no_more_and_says_where_to_erase(encrypted: Path) -> None:
    train(encrypted, "r1", ZEBRA)
    with running(encrypted) as server:
        assert ZEBRA in server.get("/runs/r1").body.decode()
        refused = call("erase", "run", "r1", "--reason", "x", "--yes", "-w", server.url)
        assert (refused.code, "--data" in refused.err) == (4, True)
        erase(encrypted)

        tabs = ("", "/history", "/metrics", "/outputs", "/alerts", "/edit", "/head")
        paths = ("/runs", "/api/v1/runs/r1", "/api/v1/runs/r1/history", *(f"/runs/r1{tab}" for tab in tabs))
        pages = {path: server.get(path) for path in paths}
        assert {path: page.status for path, page in pages.items()} == dict.fromkeys(paths, 200)
        assert not [path for path, page in pages.items() if ZEBRA in page.body.decode()]
        assert "(erased)" in pages["/runs/r1"].body.decode()
        snapshot = server.get("/runs/r1/snapshot")
        assert (snapshot.status, "it was erased" in snapshot.body.decode()) == (404, True)
    assert traces(encrypted, ZEBRA) == []


def test_offline_runs_are_encrypted_when_they_are_delivered(encrypted: Path, tmp_path: Path) -> None:
    script = """
import sys
from runledger import Experiment, Workspace
experiment = Experiment(Workspace(), "e")
with experiment.start_logging(run_id="off", display_name=sys.argv[1], snapshot_directory=None) as run:
    run.log("note", sys.argv[1])
"""
    environment = os.environ | {
        "RUNLEDGER_MODE": "offline",
        "RUNLEDGER_WORKSPACE": str(encrypted),
        "RUNLEDGER_JOURNAL_DIR": str(tmp_path / "journals"),
    }
    subprocess.run([sys.executable, "-c", script, ZEBRA], env=environment, check=True, timeout=SECONDS)
    assert traces(tmp_path / "journals", ZEBRA), "journals are as they are: docs/privacy.md"
    done = call("sync", tmp_path / "journals", "-w", encrypted)
    assert done.code == 0, done.err
    assert traces(tmp_path / "journals", ZEBRA) == []
    assert not [path for path in traces(encrypted, ZEBRA) if "ledger.db" in path]
    erase(encrypted, "off")
    assert traces(encrypted, ZEBRA) == []
    assert json.loads(call("run", "show", "-r", "off", "-w", encrypted).out)["name"] == "(erased)"


def test_nobody_is_mailed_again_because_a_text_is_gone(
    encrypted: Path, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_EMAIL", "zebra@example.org")
    rules = {"grouped": ("--group-by", "tag:team", "--wait", "0s"), "others": ("--tag", "team"), "plain": ()}
    for name, words in rules.items():
        to = ("--recipient", "@submitter", "--recipient", "herd@example.org")
        assert call("alert", "create", name, *to, *words, "-w", encrypted).code == 0
    with Workspace(encrypted) as workspace:
        for number in range(2):
            run = Experiment(workspace, "e").start_logging(
                run_id=f"r{number}", tags={"team": ZEBRA}, snapshot_directory=None
            )
            run.fail("broke")
    assert call("alert", "run", "--once", "-w", encrypted).json["done"] is True
    sent = len(relay.sink.mails)
    assert sent >= 6
    assert [path for path in traces(encrypted, "zebra@example.org") if "ledger.db" in path] == []
    erase(encrypted, "r0")
    for _ in range(2):
        assert call("alert", "run", "--once", "-w", encrypted).json["done"] is True
    assert len(relay.sink.mails) == sent

    told = {each["recipient"] for each in call("alert", "history", "plain", "-w", encrypted).json}
    assert told == {"zebra@example.org", "herd@example.org"}
    assert call("user", "add", "zed", "--email", "Herd@example.org", "--no-password", "-w", encrypted).code == 0
    assert call("erase", "user", "zed", "--reason", "left", "--yes", "-w", encrypted).code == 0
    told = {each["recipient"] for each in call("alert", "history", "plain", "-w", encrypted).json}
    assert told == {"zebra@example.org", "(erased)"}
    assert call("alert", "run", "--once", "-w", encrypted).json["done"] is True
    assert len(relay.sink.mails) == sent
