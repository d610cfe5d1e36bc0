"""Snapshots, outputs and logs of submitted scripts (parity C2, C3, C11, G1), in a folder and through a server."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from zipfile import ZipFile

import pytest

from runledger import Experiment, ExperimentExecutionException, Run, ScriptRunConfig, SnapshotException, Workspace
from tests.runledger.server.running import Server, running

STD_LOG = "user_logs/std_log.txt"

WRITES = """
import sys
from pathlib import Path
print("before")
print("to stderr", file=sys.stderr)
Path("outputs/model.pkl").write_text("weights")
Path("logs/own.log").write_text("own words")
Path("elsewhere.txt").write_text("not brought")
print(sorted(path.name for path in Path(".").iterdir()))
"""
SLOW = """
import time
from pathlib import Path
print("the first line", flush=True)
end = time.monotonic() + 90
while not Path({flag!r}).exists() and time.monotonic() < end:
    time.sleep(0.05)
print("the last line")
"""


@pytest.fixture(params=["folder", "server"])
def anywhere(request: pytest.FixtureRequest, place: Path) -> Iterator[Workspace]:
    with ExitStack() as stack:
        location = str(place) if request.param == "folder" else stack.enter_context(running(place)).url
        yield stack.enter_context(Workspace(location))


def config(source: Path, code: str) -> ScriptRunConfig:
    (source / "script.py").write_text(code)
    return ScriptRunConfig(source, "script.py")


def until(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def events(run: Run) -> list[str]:
    found = []
    for entry in run.experiment.workspace.client.history(run.id):
        changes = {change.field.split(".")[0]: change for change in entry.changes}
        status, file = changes.get("status"), changes.get("artifacts")
        found += [status.after] if status else [file.field.removeprefix("artifacts.")] if file else []
    return found


def test_g1_a_script_runs_in_a_copy_and_the_copy_is_kept(anywhere: Workspace, source: Path, tmp_path: Path) -> None:
    (source / ".amlignore").write_text("/outputs\n/data\n")
    (source / "data").mkdir()
    (source / "data" / "big.csv").write_text("1,2")
    (source / "outputs").mkdir()
    (source / "outputs" / "old.txt").write_text("old")
    run = Experiment(anywhere, "explore-runs").submit(config(source, WRITES))
    shutil.rmtree(source)
    details = run.wait_for_completion()

    assert events(run) == [
        "Starting",
        ".snapshot/source.zip",
        *("Preparing", "Queued", "Running", "Finalizing"),
        *(STD_LOG, "outputs/model.pkl", "logs/own.log"),
        "Completed",
    ]
    assert run.get_file_names() == ["logs/own.log", "outputs/model.pkl", STD_LOG]
    assert set(details["logFiles"]) == {"logs/own.log", STD_LOG}
    texts = run.get_details_with_logs()["logFiles"]
    assert texts["logs/own.log"] == "own words"
    assert all(text in texts[STD_LOG] for text in ("before", "to stderr", "['.amlignore', 'elsewhere.txt', 'logs'"))
    assert "data" not in texts[STD_LOG]
    written = run.get_all_logs(tmp_path / "written")
    assert [Path(path).read_text() for path in written] == [texts["logs/own.log"], texts[STD_LOG]]
    with ZipFile(run.restore_snapshot(path=tmp_path / "snapshots")) as archive:
        assert archive.namelist() == [".amlignore", "script.py"]
    assert run.get_properties()["ContentSnapshotId"] == run.get_snapshot_id()
    with pytest.raises(SnapshotException, match="already"):
        run.take_snapshot(tmp_path / "written")


def test_c11_a_line_appears_while_the_script_still_runs(
    anywhere: Workspace, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = tmp_path / "go on"
    run = Experiment(anywhere, "explore-runs").submit(config(source, SLOW.format(flag=str(flag))))

    def printed() -> str:
        return str(run.get_details_with_logs()["logFiles"][STD_LOG])

    until(lambda: printed() == "the first line\n")
    assert run.get_status() == "Running"
    assert set(run.get_details()["logFiles"]) == {STD_LOG}
    (path,) = run.get_all_logs(tmp_path / "logs")
    assert Path(path).read_text() == "the first line\n"
    flag.touch()
    run.wait_for_completion(show_output=True)
    assert "the first line\nthe last line\n" in capsys.readouterr().out
    assert printed() == "the first line\nthe last line\n"


def test_h2_output_is_followed_from_another_machine_than_the_one_that_runs_it(
    place: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = tmp_path / "go on"
    flag.touch()
    with running(place) as server, Workspace(server.url) as here:
        monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path / "here"))
        run = Experiment(here, "explore-runs").submit(config(source, SLOW.format(flag=str(flag))))
        monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path / "there"))
        with Workspace(server.url) as there:
            there.get_run(run.id).wait_for_completion(show_output=True)

    assert "the first line\nthe last line\n" in capsys.readouterr().out
    assert not (place / ".runledger" / "runs").exists()
    assert not list((place / ".runledger" / "artifacts").glob("output/*/*"))


@pytest.mark.parametrize("ending", ["raise ValueError", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_a_script_wrote_before_it_failed_is_kept(experiment: Experiment, source: Path, ending: str) -> None:
    code = f"from pathlib import Path\nPath('outputs/half').write_text('x')\n{ending}\n"
    run = experiment.submit(config(source, code))
    run.wait_for_completion(raise_on_error=False)

    assert run.get_status() == "Failed"
    assert "outputs/half" in run.get_file_names()


def test_what_a_canceled_script_wrote_is_kept(experiment: Experiment, source: Path, tmp_path: Path) -> None:
    run = experiment.submit(config(source, SLOW.format(flag=str(tmp_path / "never"))))
    until(lambda: "first" in run.get_details_with_logs()["logFiles"][STD_LOG])
    run.cancel()

    assert run.get_status() == "Canceled"
    until(lambda: run.get_file_names() == [STD_LOG])


def test_a_file_that_cannot_be_kept_is_a_warning_and_no_lie(
    experiment: Experiment, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_ARTIFACT_BYTES", "1000")
    code = "from pathlib import Path\nPath('outputs/large').write_text('x' * 1001)\nPath('outputs/small').touch()\n"
    run = experiment.submit(config(source, code))
    details = run.wait_for_completion()

    assert details["status"] == "Completed"
    assert run.get_file_names() == ["outputs/small", STD_LOG]
    (warning,) = details["warnings"]
    assert (warning["code"], "1,000 bytes" in warning["message"]) == ("not-uploaded", True)


def test_the_log_of_a_killed_supervisor_can_be_read(experiment: Experiment, source: Path, tmp_path: Path) -> None:
    run = experiment.submit(config(source, SLOW.format(flag=str(tmp_path / "never"))))
    until(lambda: "first" in run.get_details_with_logs()["logFiles"][STD_LOG])
    os.kill(supervisor_of(run), signal.SIGKILL)
    run.wait_for_completion(raise_on_error=False)

    assert run.get_status() == "Failed"
    assert run.get_details_with_logs()["logFiles"] == {STD_LOG: "the first line\n"}


def supervisor_of(run: Run) -> int:
    import psutil  # noqa: PLC0415

    log = str(run.experiment.workspace.compute_targets["local"].logs(run.id).parent.parent)
    for process in psutil.process_iter(["cmdline", "environ", "pid"]):
        environment = process.info["environ"] or {}
        if environment.get("RUNLEDGER_RUN_FOLDER") == log:
            return int(psutil.Process(process.info["pid"]).ppid())
    raise AssertionError("no supervisor")


def test_a_script_that_is_not_in_the_snapshot_is_told_before_anything_is_written(
    experiment: Experiment, source: Path, tmp_path: Path
) -> None:
    (source / ".gitignore").write_text("*.py\n")
    with pytest.raises(ExperimentExecutionException, match=r"\.gitignore leaves it out"):
        experiment.submit(config(source, WRITES))
    (tmp_path / "other.py").touch()
    with pytest.raises(ExperimentExecutionException, match="not in the folder"):
        experiment.submit(ScriptRunConfig(source, "../other.py"))
    assert list(experiment.get_runs()) == []


def test_a_folder_that_is_too_large_is_told_before_anything_is_written(experiment: Experiment, source: Path) -> None:
    for number in range(2001):
        (source / f"{number}.txt").touch()
    with pytest.raises(SnapshotException, match=r"more than 2,000 files.*\.amlignore"):
        experiment.submit(config(source, WRITES))

    assert list(experiment.get_runs()) == []


def test_logs_are_written_to_a_folder_of_the_runs_id(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with experiment.start_logging() as run:
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "a.log").write_text("a")

    assert run.get_all_logs() == [str(Path(run.id) / "logs" / "a.log")]
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="is a file"):
        run.get_all_logs("file")


def test_c2_log_files_lead_to_the_text(place: Path, experiment: Experiment, tmp_path: Path) -> None:
    with experiment.start_logging() as run:
        (tmp_path / "a").write_text("hello")
        run.upload_file("logs/a.log", tmp_path / "a")
    path = run.get_details()["logFiles"]["logs/a.log"]
    assert Path(path).read_text() == "hello"

    with running(place) as server, Workspace(server.url) as workspace:
        url = workspace.get_run(run.id).get_details()["logFiles"]["logs/a.log"]
        assert served(server, url) == b"hello"


def served(server: Server, url: str) -> bytes:
    assert url.startswith(server.url)
    return server.get(url.removeprefix(server.url)).body
