"""Files of runs on nodes without a network, and while a server is away: read back alike wherever the run is."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runledger.wiring import embedded_workspace
from schemas.events import CommandRefusedEvent
from tests.ledger.watchdog.scenes import until
from tests.runledger.cluster import ROOT, Cluster
from tests.runledger.server.running import running

RUN = "run = start()\n"

SURFACE = """
import io
run = start()
Path("model.bin").write_bytes(b"weights" * 300_000)
Path("image.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\nand so on")
Path("tree/below").mkdir(parents=True); Path("tree/a.txt").write_text("a"); Path("tree/below/b.txt").write_text("b")
Path("source").mkdir(); Path("source/train.py").write_text("print('training')")
for folder in ("outputs", "logs"): Path(folder).mkdir()
run.upload_file("models/model.bin", "model.bin")
run.upload_file("notes.txt", io.BytesIO(b"first"))
run.upload_file("notes.txt", io.BytesIO(b"second"))
run.upload_files(["data/x", "data/y"], ["model.bin", "image.png"])
run.upload_folder("all", "tree")
run.log_image("picture", path="image.png")
run.log_confusion_matrix("confusion", {"class_labels": ["a", "b"], "matrix": [[3, 1], [0, 4]]})
run.log_residuals("residuals", {"bin_edges": [0, 1, 2], "bin_counts": [4, 5]})
run.log_predictions("predictions",
    {"bin_edges": [0, 1], "bin_averages": [1], "bin_errors": [0.5], "bin_counts": [3]})
table = [[[3, 1, 0, 4]]]
run.log_accuracy_table("accuracy", {"class_labels": ["a"], "probability_tables": table, "percentile_tables": table,
    "probability_thresholds": [0.5], "percentile_thresholds": [0.5]})
taken = run.take_snapshot("source")
try:
    run.take_snapshot("source")
except LedgerError as error:
    assert "has a snapshot already" in str(error), error
assert (run.get_snapshot_id(), run.get_file_names()[:3]) == (taken, ["accuracy", "all/a.txt", "all/below/b.txt"])
Path("outputs/report.txt").write_text("fine"); Path("logs/log.txt").write_text("it went well")
run.download_file("notes.txt", "again.txt"); assert Path("again.txt").read_text() == "second"
run.complete()
assert Path(run.get_details()["logFiles"]["logs/log.txt"]).read_text() == "it went well"
"""

READ = """
import hashlib, json, zipfile
run = Workspace().get_run("surface")
into = Path("into", str(os.getpid()))
run.download_files(output_directory=into / "all")
run.download_file("models/model.bin", into / "one.bin")
archive = run.restore_snapshot(path=into)
logs = [Path(path).relative_to(into).as_posix() for path in run.get_all_logs(into / "logs")]
files = [path for path in into.rglob("*") if path.is_file()]
print(json.dumps({
    "names": run.get_file_names(),
    "bytes": {p.relative_to(into).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)},
    "metrics": run.get_metrics(),
    "logs": [logs, run.get_details_with_logs()["logFiles"]],
    "snapshot": [run.get_snapshot_id(), Path(archive).name, zipfile.ZipFile(archive).namelist()],
    "warnings": run.get_details().get("warnings", []),
}, sort_keys=True))
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def read(cluster: Cluster, location: str) -> Any:
    """What a script reads that reaches the workspace."""
    shown = cluster.played("reader", READ, RUNLEDGER_MODE="online", RUNLEDGER_WORKSPACE=location)
    return json.loads(shown)


def files_of(cluster: Cluster, name: str) -> dict[str, bytes]:
    client = cluster.client()
    found = {}
    for each in client.artifacts(name):
        with client.open_content(each["sha256"]) as file:
            found[each["name"]] = file.read()
    client.close()
    return found


def document_of(cluster: Cluster, name: str) -> dict[str, Any]:
    client = cluster.client()
    found = dict(client.run(name))
    client.close()
    return found


def test_all_methods_for_files_read_back_alike_offline_from_a_path_and_from_a_url(
    cluster: Cluster, tmp_path: Path
) -> None:
    at_once = json.loads(cluster.played("surface", SURFACE + READ))
    elsewhere = json.loads(cluster.played("other", READ))
    (tmp_path / "served").mkdir()
    served = Cluster(tmp_path / "served")
    shutil.copytree(cluster.journals, served.journals)

    assert cluster.scratches() == []
    assert (cluster.sync().code, cluster.files()) == (0, [])
    with running(served.workspace) as server:
        assert (served.sync(to=server.url).code, served.files()) == (0, [])
        by_url = read(served, server.url)
    by_path = read(cluster, str(cluster.workspace))

    assert elsewhere == at_once
    assert by_path == at_once
    assert by_url == at_once
    assert at_once["bytes"]["all/data/x"] == at_once["bytes"]["one.bin"]
    assert {"outputs/report.txt", "logs/log.txt", "confusion"} <= set(at_once["names"])
    assert (at_once["metrics"]["confusion"], len(at_once["metrics"])) == ("confusion", 6)
    assert (at_once["logs"][1], at_once["warnings"]) == ({"logs/log.txt": "it went well"}, [])
    assert at_once["snapshot"][2] == ["train.py"]


@pytest.mark.parametrize("served", [False, True], ids=["path", "URL"])
def test_a_changed_and_a_missing_content_are_refused_and_recorded_and_the_rest_goes_on(
    cluster: Cluster, served: bool
) -> None:
    code = """
for name in "abc": Path(name).write_text(name * 3)
run.upload_files(["a", "b"], ["a", "b"])
run.upload_file("c", "c")
run.tag("after"); run.complete()
"""
    assert cluster.played("damaged", RUN + code) == ""
    contents = {path.read_text(): path for path in cluster.journals.rglob("*.content")}
    contents["bbb"].write_text("bob")
    contents["ccc"].unlink()

    with ExitStack() as stack:
        url = stack.enter_context(running(cluster.workspace)).url if served else None
        synced = cluster.sync(to=url)

    (row,) = [row for row in synced.json if row["run_id"] == "damaged"]
    assert (synced.code, row["state"], row["refused"]) == (7, "delivered", 2), synced
    assert files_of(cluster, "damaged") == {"a": b"aaa"}
    run = document_of(cluster, "damaged")
    assert (run["status"], run["tags"]) == ("Completed", {"after": None})
    changed, missing = (warning["message"] for warning in run["warnings"])
    assert "'b': " in changed
    assert "was changed after it was kept" in changed
    assert "'c': it is not in" in missing
    assert refusals(cluster) == ["add-artifacts"]  # a second one of its kind at that moment is counted
    assert cluster.files() == []


def refusals(cluster: Cluster) -> list[str]:
    with embedded_workspace(str(cluster.workspace)) as parts:
        events = [each.event for each in parts.feed.after(-1, 1000)]
    return [str(event.command_name) for event in events if isinstance(event, CommandRefusedEvent)]


def test_several_syncs_at_once_store_every_file_and_leave_none(cluster: Cluster) -> None:
    for name in ("r0", "r1"):
        code = "Path('same').write_text('same'); run.upload_file('same', 'same'); run.upload_file(NAME, 'same')"
        cluster.played(name, f"NAME = {name!r}\n{RUN}{code}; run.complete()")
    with running(cluster.workspace) as server, ThreadPoolExecutor(3) as pool:
        synced = list(pool.map(lambda _: cluster.sync(to=server.url), range(3)))

    assert ([each.code for each in synced], cluster.files()) == ([0, 0, 0], []), synced
    for name in ("r0", "r1"):
        assert files_of(cluster, name) == {"same": b"same", name: b"same"}
        assert "warnings" not in document_of(cluster, name)


def test_a_sync_that_was_killed_while_it_stored_is_finished_by_the_next(cluster: Cluster) -> None:
    code = "Path('big').write_bytes(b'x' * 60_000_000); run.upload_file('big', 'big'); run.complete()"
    cluster.played("killed", RUN + code)
    command = [sys.executable, "-m", "runledger", "sync", str(cluster.journals), "-w", str(cluster.workspace)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(cluster.folder / "tmp")}
    incoming = cluster.workspace / ".runledger" / "artifacts"
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: any(path.is_file() for path in incoming.rglob("*/*")), "the sync is at it")
    first.kill()
    first.wait()

    synced = cluster.sync()

    assert (synced.code, cluster.files()) == (0, []), synced
    assert files_of(cluster, "killed") == {"big": b"x" * 60_000_000}


MOMENTS = {
    "before it is whole": "os.fsync = lambda _: (ready(), time.sleep(300))",
    "before it is named": """
from ledger.tracking.recorder import Recorder
Recorder.command = lambda *_: (ready(), time.sleep(300))
""",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_of_an_upload_that_is_killed_nothing_is_seen(cluster: Cluster, moment: str) -> None:
    code = f"\nPath('a').write_text('a')\n{MOMENTS[moment]}\nrun.upload_file('half', 'a')"
    script = cluster.node("half", RUN + code)
    cluster.wait_until_ready("half")
    assert any(cluster.journals.rglob("*.content" if "named" in moment else "*.partial"))
    script.send_signal(signal.SIGKILL)
    script.communicate(timeout=60)
    cluster.settle()

    assert cluster.played("reader", "print(Workspace().get_run('half').get_file_names())") == "[]\n"
    assert (cluster.sync().code, cluster.files()) == (0, [])
    run = document_of(cluster, "half")
    assert (run["status"], files_of(cluster, "half"), "warnings" in run) == ("Failed", {}, False)


AWAY = """
Path("outputs").mkdir(); Path("image.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\nand so on")
run = start(); run.flush()
ready()
while not Path("away").exists(): time.sleep(0.05)
Path("model.bin").write_bytes(b"weights")
run.upload_file("model.bin", "model.bin")
run.log_image("picture", path="image.png")
run.log_residuals("residuals", {"bin_edges": [0, 1, 2], "bin_counts": [4, 5]})
Path("outputs/report.txt").write_text("fine")
run.complete()
"""


def test_files_wait_while_a_server_is_away_and_arrive_with_the_rest(cluster: Cluster) -> None:
    with running(cluster.workspace) as server:
        online = {"RUNLEDGER_MODE": "online", "RUNLEDGER_WORKSPACE": server.url}
        script = cluster.node("away", AWAY, **online)
        cluster.wait_until_ready("away")
        server.stop()
    (cluster.folder / "away").touch()
    shown = script.communicate(timeout=60)[0].decode()
    assert script.returncode == 0, shown
    # While it stops, a server answers one more time now and then.
    assert shown.count("is delivered later") == shown.count("answers again") + 1, shown
    assert "not uploaded" not in shown
    assert "is not logged" not in shown
    with running(cluster.workspace, "--port", server.url.rpartition(":")[2]):
        cluster.played("contact", "Workspace().get_run('away')", **online)
        cluster.settle()

    found = files_of(cluster, "away")
    assert (found["model.bin"], found["outputs/report.txt"], len(found)) == (b"weights", b"fine", 4)
    run = document_of(cluster, "away")
    assert (run["status"], "warnings" in run) == ("Completed", False)
    assert list((cluster.folder / "state").rglob("*.content")) == []
