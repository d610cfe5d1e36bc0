"""Scripts on nodes without a network: the SDK works on, and a sync from elsewhere finds every end as it was."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import AddProperties, StartRun
from ledger.journal.folder import WriterFolder
from ledger.metrics import SeriesQuery
from tests.ledger.watchdog.scenes import refusal, unshare, until, watchdog_of
from tests.runledger.cluster import POINTS, Cluster
from tests.runledger.server.running import running

RUN = "run = start()\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def run_of(cluster: Cluster, name: str) -> dict[str, Any]:
    client = cluster.client()
    try:
        points = {each.name: list(each.values or ()) for each in client.series(SeriesQuery(run_id=name))}
        return dict(client.run(name)) | {"points": points, "history": client.history(name)}
    finally:
        client.close()


def row_of(synced: Any, name: str) -> Any:
    (row,) = [row for row in synced.json if row["run_id"] == name]
    return row


SURFACE = (
    RUN
    + """
experiment = run.experiment
run.tag("quality", "great"); run.tag("bare"); run.tag("gone", 1); run.remove_tags(["gone"])
run.add_properties({"author": "me"})
run.log_params({"lr": 0.5})
run.log_list("fib", [1, 1, 2]); run.log_row("row", a=1, b=2); run.log_table("table", {"x": [1, 2]})
run.description = "words"; run.display_name = "shown"
experiment.tag("team", "vision")
child = run.child_run("kid"); child.log("score", 3)
more = run.create_children(count=2)
metrics = run.get_metrics()
assert metrics["loss"] == list(range(200)) and metrics["fib"] == [1, 1, 2], metrics
assert metrics["row"] == {"a": [1], "b": [2]} and metrics["table"] == {"x": [1, 2]}, metrics
run.log("loss", 200, step=700)
assert run.get_series("loss", first_step=700)["loss"].values == [200]
assert run.get_last_metrics()["loss"] == 200
assert sum(each.count for each in run.get_thinned('loss', 10)[0].buckets) == 201
assert run.get_tags() == {"quality": "great", "bare": None} == run.tags
assert run.get_properties() == {"author": "me"}
assert (run.get_status(), run.description, run.name) == ("Running", "words", "shown")
assert run.get_details()["runId"] == run.id and run.get_details()["status"] == "Running"
assert {each.id for each in run.get_children()} == {child.id, *(each.id for each in more)}
assert child.parent.id == run.id == child.root.id and run.parent is None
assert [each.id for each in experiment.get_runs()] == [run.id]
assert len(list(experiment.get_runs(include_children=True))) == 4
assert [each.id for each in experiment.get_runs(tags={"quality": "great"})] == [run.id]
assert experiment.tags == {"team": "vision"} and run.get_metrics(recursive=True)[child.id] == {"score": 3}
assert Workspace().get_run(run.id).get_metrics("fib") == {"fib": [1, 1, 2]}
for refused in (lambda: run.add_properties({"author": "you"}), lambda: start(), lambda: run.log_params({"lr": 1})):
    try:
        refused()
    except LedgerError as error:
        print('refused:', type(error).__name__)
for each in (child, *more): each.complete()
run.complete()
assert run.get_status() == "Completed" and run.get_details()["endTimeUtc"]
try:
    run.start()
except LedgerError as error:
    print('refused:', type(error).__name__)
"""
)


def test_the_whole_sdk_works_offline_and_a_sync_delivers_all_of_it_once(cluster: Cluster) -> None:
    shown = cluster.played("surface", SURFACE)
    refused = [line.split()[1] for line in shown.splitlines() if line.startswith("refused: ")]
    assert refused == ["WrittenOnceError", "RefusedError", "WrittenOnceError", "StatusRefusedError"], shown
    assert cluster.scratches() == []

    first = cluster.sync()

    assert (first.code, {row["state"] for row in first.json}) == (0, {"delivered"}), first
    assert cluster.files() == []
    run = run_of(cluster, "surface")
    assert run["points"]["loss"] == [*range(POINTS), 200]
    assert (run["status"], run["tags"], run["properties"]) == (
        "Completed",
        {"quality": "great", "bare": None},
        {"author": "me"},
    )
    assert run["parameters"] == {"lr": 0.5}
    assert "warnings" not in run
    client = cluster.client()
    assert client.experiment("cluster")["tags"] == {"team": "vision"}
    assert client.run(run["run_id"])["start_time_utc"] < client.run(run["run_id"])["end_time_utc"]
    client.close()
    assert cluster.sync().json == []


WORKERS = """
workers = [multiprocessing.get_context("fork").Process(target=work, args=(f"w{n}",)) for n in range(2)]
[worker.start() for worker in workers]; [worker.join() for worker in workers]
run.complete()
"""
KILLED_WORKER = """
def die():
    work("w0"); os.kill(os.getpid(), signal.SIGKILL)
worker = multiprocessing.get_context("fork").Process(target=die); worker.start(); worker.join()
"""
SHARED = """
run.tag("a", "1"); run.log("x", 1)
if os.fork() == 0:
    assert (run.get_tags(), run.get_metrics("x")) == ({"a": "1"}, {"x": 1})
    run.tag("child", "yes"); run.log("y", 2)
    assert (run.get_tags()["child"], run.get_metrics("y"), run.get_status()) == ("yes", {"y": 2}, "Running")
    sys.exit(0)
assert os.wait()[1] == 0
assert (run.get_tags(), run.get_metrics("y")) == ({"a": "1", "child": "yes"}, {"y": 2})
code = "import os, runledger; run = runledger.Workspace().get_run(os.environ['NAME']); "
code += "run.log('z', 3); print(run.get_tags())"
shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
assert eval(shown) == run.get_tags() and run.get_metrics("z") == {"z": 3}
run.complete(); run.log("late", 1)
assert run.get_metrics("late") == {"late": 1}
again = start("must")
assert (again.get_status(), again.get_metrics("x")) == ("Running", {"x": 1})
again.complete()
print("all as it should be")
"""


def test_processes_that_share_a_run_read_what_the_others_noted(cluster: Cluster) -> None:
    assert cluster.played("shared", RUN + SHARED).strip() == "all as it should be"

    synced = cluster.sync()

    assert (synced.code, {row["why"] for row in synced.json}) == (0, {"it was closed"}), synced
    run = run_of(cluster, "shared")
    assert (run["status"], run["attempt"], run["tags"]) == ("Completed", 2, {"a": "1", "child": "yes"})
    assert run["points"] | {"loss": []} == {"loss": [], "x": [1], "y": [2], "z": [3], "late": [1]}


ENDINGS = {
    "normal": ("", "Completed", "the script came to its end"),
    "exit-3": ("sys.exit(3)", "Failed", "exit code 3"),
    "raised": ("{}['missing']", "Failed", "KeyError was not caught"),
    "interrupted": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", "Canceled", "interrupted"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "Failed", "SIGKILL"),
    "workers": (WORKERS, "Completed", ""),
    "killed-worker": (KILLED_WORKER, "Completed", "the script came to its end"),
}


def test_however_a_script_ends_another_host_reads_it_from_the_folder(cluster: Cluster) -> None:
    scripts = []
    for name, (code, _, _) in ENDINGS.items():
        scripts.append(cluster.node(name, RUN + code))
        if len(scripts) % 3 == 0:
            scripts[-1].communicate(timeout=60)
    for script in scripts:
        script.communicate(timeout=60)
    cluster.settle()
    assert cluster.scratches() == []
    for folder in cluster.writers():
        changed(folder, host="node7", boot_id="another")

    synced = cluster.sync()

    assert synced.code == 0, synced
    for name, (_, status, reason) in ENDINGS.items():
        run = run_of(cluster, name)
        assert (name, run["status"]) == (name, status), run
        assert reason in run.get("status_reason", ""), run
        assert run["points"]["loss"] == [*range(POINTS)], name
        if reason:
            assert run["certainty"].startswith("exact"), run
        assert "warnings" not in run
    assert [len(run_of(cluster, "workers")["points"][name]) for name in ("w0", "w1")] == [50, 50]
    assert len(run_of(cluster, "killed-worker")["points"]["w0"]) == 50
    assert cluster.files() == []


def changed(folder: WriterFolder, **fields: Any) -> None:
    """Let a journal be somebody else's."""
    head = folder.path / "head.json"
    head.write_text(json.dumps(json.loads(head.read_text()) | fields))


def test_what_still_runs_is_left_and_delivered_once_it_has_ended(cluster: Cluster) -> None:
    script = cluster.node("alive", RUN + SLEEP)
    try:
        cluster.wait_until_ready("alive")
        synced = cluster.sync("--assume-ended")
        assert synced.code == 7
        assert row_of(synced, "alive")["state"] == "left"
        assert row_of(synced, "alive")["why"] == f"still running: process {script.pid} on {os.uname().nodename}"
    finally:
        script.send_signal(signal.SIGTERM)
        script.communicate(timeout=60)
    cluster.settle()

    assert cluster.sync().code == 0
    run = run_of(cluster, "alive")
    assert (run["status"], "SIGTERM" in run["status_reason"]) == ("Failed", True)


SLEEP = "ready(); time.sleep(300)"


def kill_with_its_watchdog(cluster: Cluster, name: str, begin: str = RUN) -> None:
    """As a node that loses its power."""
    script = cluster.node(name, begin + SLEEP)
    cluster.wait_until_ready(name)
    (folder,) = cluster.writers()
    identity = folder.identity()
    assert identity is not None
    assert identity.process is not None
    os.kill(watchdog_of(Path(identity.process)), signal.SIGKILL)
    script.kill()
    script.communicate(timeout=60)
    cluster.settle()


def test_a_changed_boot_id_makes_an_unfinished_journal_nobodys_until_a_person_says_so(cluster: Cluster) -> None:
    kill_with_its_watchdog(cluster, "lost")
    boot = cluster.folder / "boot_id"
    boot.write_text("00000000-0000-4000-8000-000000000000\n")
    after_boot = rebooted(boot)

    left = cluster.sync(by=after_boot)
    assert (left.code, row_of(left, "lost")["state"]) == (7, "left")
    assert "nobody can tell from here whether process" in row_of(left, "lost")["why"]
    tried = cluster.sync("--assume-ended", "--dry-run", by=after_boot)
    assert (tried.code, row_of(tried, "lost")["state"]) == (0, "would be delivered")
    assert len(cluster.writers()) == 1

    assumed = cluster.sync("--assume-ended", by=after_boot)
    assert (assumed.code, row_of(assumed, "lost")["state"]) == (0, "delivered")
    run = run_of(cluster, "lost")
    assert (run["status"], run["presumed"], run["points"]["loss"]) == ("Failed", True, [*range(POINTS)])
    assert run["certainty"].startswith("assumed: ")
    assert cluster.files() == []


def rebooted(boot: Path) -> tuple[str, ...]:
    """The words that start a program which sees another boot id."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    script = f'mount --bind {boot} /proc/sys/kernel/random/boot_id && exec "$@"'
    return ("unshare", *user, "--mount", "sh", "-c", script, "sh")


def test_on_its_own_host_a_journal_without_any_verdict_is_known_to_have_ended(cluster: Cluster) -> None:
    kill_with_its_watchdog(cluster, "here")

    synced = cluster.sync()

    assert (synced.code, row_of(synced, "here")["state"]) == (0, "delivered"), synced
    run = run_of(cluster, "here")
    assert (run["status"], "could not be read" in run["certainty"]) == ("Failed", True)
    assert "presumed" not in run


def test_a_process_in_another_pid_namespace_is_taken_for_neither_alive_nor_dead_by_its_number(
    cluster: Cluster,
) -> None:
    assert refusal() is None, refusal()
    script = cluster.node("boxed", RUN + SLEEP, by=unshare("--mount-proc"))
    try:
        cluster.wait_until_ready("boxed")
        (folder,) = cluster.writers()
        identity = folder.identity()
        assert identity is not None
        assert identity.pid == 1  # here, that is a process that lives
        alive = cluster.sync("--assume-ended")
        assert (alive.code, row_of(alive, "boxed")["why"].split(":")[0]) == (7, "still running")
    finally:
        os.killpg(script.pid, signal.SIGKILL)
        script.communicate(timeout=60)
    until(lambda: not folder.holds_lock(), "the namespace is gone with all that was in it")

    left = cluster.sync()
    assert (left.code, row_of(left, "boxed")["state"]) == (7, "left")
    assumed = cluster.sync("--assume-ended")
    assert assumed.code == 0
    assert run_of(cluster, "boxed")["points"]["loss"] == [*range(POINTS)]


def test_ends_in_a_container_or_without_a_watchdog_are_in_the_folder_too(cluster: Cluster) -> None:
    boxed = cluster.node("boxed", RUN + "sys.exit(3)", by=unshare("--mount-proc"))
    cluster.played("unwatched", RUN + "1 / 0", RUNLEDGER_WATCHDOG="0")
    boxed.communicate(timeout=60)
    cluster.settle()
    for folder in cluster.writers():
        changed(folder, host="node7", boot_id="another")

    synced = cluster.sync()

    assert synced.code == 0, synced
    box, unwatched = run_of(cluster, "boxed"), run_of(cluster, "unwatched")
    assert (box["status"], "exit code 3" in box["status_reason"]) == ("Failed", True)
    assert (unwatched["status"], unwatched["error"]["type"]) == ("Failed", "ZeroDivisionError")
    assert cluster.files() == []


def test_two_syncs_at_once_deliver_everything_once(cluster: Cluster) -> None:
    with running(cluster.workspace) as server:
        for number in range(4):
            cluster.played(f"r{number}", RUN + "child = run.child_run(); child.log('x', 1); run.complete()")
        with ThreadPoolExecutor(3) as pool:
            synced = list(pool.map(lambda _: cluster.sync(to=server.url), range(3)))
        assert [each.code for each in synced] == [0, 0, 0], synced
        assert cluster.files() == []
        assert cluster.sync(to=server.url).json == []
    for number in range(4):
        run = run_of(cluster, f"r{number}")
        assert run["points"]["loss"] == [*range(POINTS)]
        assert len(run["history"]) == 2  # its start and its end


def test_a_refused_command_is_recorded_and_stops_nothing(cluster: Cluster) -> None:
    cluster.played("twice", RUN + "run.complete()")
    assert cluster.sync().code == 0
    # Elsewhere nobody knows that the property is taken: the ledger says so at delivery.
    cluster.played(
        "twice",
        "run = start('must'); run.add_properties({'author': 'first'}); run.log('after', 1); run.complete()",
    )
    client = cluster.client()
    client.execute(AddProperties(run_id="twice", properties={"author": "zeroth"}))
    client.close()

    synced = cluster.sync()

    assert synced.code == 7
    assert (row_of(synced, "twice")["state"], row_of(synced, "twice")["refused"]) == ("delivered", 1)
    run = run_of(cluster, "twice")
    assert (run["status"], run["attempt"], run["points"]["after"]) == ("Completed", 2, [1])
    assert run["properties"]["author"] == "zeroth"
    assert "add-properties was refused when it arrived: property 'author' is 'zeroth'" in run["warnings"][0]["message"]


def test_an_id_that_is_taken_keeps_a_journal_from_mixing_with_another_run(cluster: Cluster) -> None:
    cluster.played("taken", RUN + "run.complete()")
    assert cluster.sync().code == 0
    cluster.played("taken", RUN + "run.log('other', 1); run.complete()")

    synced = cluster.sync()

    assert (synced.code, row_of(synced, "taken")["state"]) == (7, "set aside")
    assert "there is a run taken already" in row_of(synced, "taken")["why"]
    run = run_of(cluster, "taken")
    assert set(run["points"]) == {"loss"}
    assert len(run["points"]["loss"]) == POINTS
    assert "start-run was refused" in run["warnings"][0]["message"]
    assert cluster.sync().json == []


JOB = {"SLURM_JOB_ID": "4711", "SLURM_ARRAY_JOB_ID": "4700", "SLURM_ARRAY_TASK_ID": "3"}
REQUEUED = "run = start('allow')\n"


@pytest.mark.parametrize("first_end", ["seen", "unseen"])
def test_a_requeued_job_continues_its_run(cluster: Cluster, first_end: str) -> None:
    if first_end == "seen":
        cluster.played("4711", REQUEUED + "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", **JOB)
    else:
        cluster.environment |= JOB
        kill_with_its_watchdog(cluster, "4711", REQUEUED)
    for folder in cluster.writers():
        changed(folder, host="node1", boot_id="another")
    again = JOB | {"SLURM_RESTART_COUNT": "1", "SLURMD_NODENAME": "node2"}
    shown = cluster.played("4711", REQUEUED + "print(run.get_properties()); run.complete()", **again)
    assert "'slurm.restart_count.2': '1'" in shown, shown

    synced = cluster.sync()

    assert (synced.code, [row["state"] for row in synced.json]) == (0, ["delivered"] * 2), synced
    run = run_of(cluster, "4711")
    assert (run["status"], run["attempt"]) == ("Completed", 2)
    assert run["points"]["loss"] == [*range(POINTS)] * 2
    assert run["properties"] == {
        "slurm.job_id": "4711",
        "slurm.array_job_id": "4700",
        "slurm.array_task_id": "3",
        "slurm.restart_count": "0",
        "slurm.restart_count.2": "1",
        "slurm.node": "node2",
    }
    ends = [
        (change.after, entry.reason)
        for entry in run["history"]
        for change in entry.changes
        if change.field == "status" and change.after in {"Failed", "Completed"}
    ]
    assert [end for end, _ in ends] == ["Failed", "Completed"]
    assert "warnings" not in run


def test_a_restarted_job_continues_a_run_that_hangs_in_the_ledger(cluster: Cluster) -> None:
    client = cluster.client()
    for job in ("4711", "4712"):
        client.execute(StartRun(run_id=job, experiment="cluster", properties={"slurm.job_id": job}))
    client.close()
    online = {"RUNLEDGER_MODE": "online", "RUNLEDGER_WORKSPACE": str(cluster.workspace), "SLURM_JOB_ID": "4711"}
    tried = "try:\n    start('allow').complete()\nexcept LedgerError as error:\n    print(error)"

    assert "run 4711 is Running" in cluster.played("4711", tried, **online)
    assert cluster.played("4711", tried, **online, SLURM_RESTART_COUNT="1") == ""

    run = run_of(cluster, "4711")
    assert (run["status"], run["attempt"]) == ("Completed", 2)
    assert run["properties"] == {"slurm.job_id": "4711", "slurm.restart_count": "1"}


def test_another_rank_of_the_same_start_does_not_take_the_run_over(cluster: Cluster) -> None:
    first = cluster.node("4711", REQUEUED + SLEEP, **JOB)
    try:
        cluster.wait_until_ready("4711")
        second = cluster.node("4711", "try:\n    start('allow')\nexcept LedgerError as error:\n    print(error)", **JOB)
        shown = second.communicate(timeout=60)[0].decode()
    finally:
        first.kill()
        first.communicate(timeout=60)
    assert f"run 4711 is still running: process {first.pid}" in shown
