"""`run files`, `upload`, `download`, `snapshot`, `download-logs` and `monitor-logs`, on a path and on a URL alike."""

from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.commands import StartRun
from runledger import Experiment, ScriptRunConfig, Workspace
from runledger.wiring import connect
from tests.runledger.cli.calling import Called, call


@pytest.fixture
def run_id(place: str) -> str:
    run_id = uuid4().hex
    client = connect(place)
    client.execute(StartRun(run_id=run_id, experiment="files"))
    client.close()
    return run_id


def run(verb: str, place: str, run_id: str, *words: object) -> Called:
    return call("run", verb, "-w", place, "-r", run_id, *words)


def test_files_go_up_are_listed_and_come_down(place: str, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "b.txt").write_text("b")
    (tmp_path / "a.csv").write_text("1,2\n")
    sent = run("upload", place, run_id, tmp_path / "a.csv", tmp_path / "out")
    assert (sent.code, [each["name"] for each in sent.json]) == (0, ["a.csv", "out/deep/b.txt"]), sent.err
    assert run("upload", place, run_id, tmp_path / "a.csv", "--name", "data/x.csv").code == 0

    listed = run("files", place, run_id)
    assert [(each["name"], each["size"]) for each in listed.json] == [
        ("a.csv", 4),
        ("data/x.csv", 4),
        ("out/deep/b.txt", 1),
    ]
    assert listed.json[0]["sha256"] == sha256(b"1,2\n").hexdigest()
    assert "4 B" in run("files", place, run_id, "-o", "table").out
    assert [each["name"] for each in run("files", place, run_id, "--prefix", "out/").json] == ["out/deep/b.txt"]

    down = run("download", place, run_id, "-d", tmp_path / "down")
    assert (down.code, len(down.json)) == (0, 3)
    assert (tmp_path / "down" / "out" / "deep" / "b.txt").read_text() == "b"
    one = run("download", place, run_id, "data/x.csv", "-d", tmp_path / "one")
    assert one.json == [{"name": "data/x.csv", "path": str(tmp_path / "one" / "data" / "x.csv")}]


def test_what_is_not_there_is_told_with_what_is(place: str, run_id: str, tmp_path: Path) -> None:
    none = run("files", place, run_id)
    assert (none.code, none.json) == (0, [])
    assert "runledger run upload" in none.err
    assert run("download", place, run_id, "-d", tmp_path).json == []
    (tmp_path / "a.csv").write_text("1")
    run("upload", place, run_id, tmp_path / "a.csv")
    missing = run("download", place, run_id, "b.csv", "-d", tmp_path)
    assert missing.code == 3
    assert "'b.csv'; it has: 'a.csv'" in missing.err
    assert run("download", place, run_id, "--prefix", "x/").code == 3
    assert run("files", place, "nothing").code == 3
    assert run("upload", place, "nothing", tmp_path / "a.csv").code == 3
    assert run("upload", place, run_id, tmp_path / "nothing").code == 4
    assert run("upload", place, run_id, tmp_path / "a.csv", "--name", "../a").code == 4
    assert run("upload", place, run_id, tmp_path / "a.csv", tmp_path, "--name", "x").code == 2
    assert run("snapshot", place, run_id, "-d", tmp_path).code == 3
    logs = run("download-logs", place, run_id, "-d", tmp_path / "logs")
    assert (logs.code, logs.json) == (0, [])
    assert "./logs" in logs.err
    assert run("download-logs", place, run_id, "-d", tmp_path / "a.csv").code == 4
    assert run("download-logs", place, run_id).code == 2


def test_the_logs_of_a_submitted_script_are_followed_and_written(place: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "script.py").write_text("import sys\nprint('almost there')\nsys.exit(3)\n")
    with Workspace(place) as workspace:
        submitted = Experiment(workspace, "files").submit(ScriptRunConfig(source, "script.py"))
    shown = run("monitor-logs", place, submitted.id)
    assert shown.code == 6, shown.err
    assert all(text in shown.out for text in ("almost there", "Execution Summary", "Status: Failed"))
    written = run("download-logs", place, submitted.id, "-d", tmp_path / "logs")
    assert written.json == [{"path": str(tmp_path / "logs" / "user_logs" / "std_log.txt")}]
    assert (tmp_path / "logs" / "user_logs" / "std_log.txt").read_text() == "almost there\n"
    kept = run("snapshot", place, submitted.id, "-d", tmp_path)
    assert kept.code == 0
    assert Path(kept.json["path"]).is_file()
