"""`runledger projection`."""

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ledger.store.database import Database
from ledger.store.fold import Arrival, Head, Partition, fold
from projections.audit.projection import AuditProjection
from projections.metrics.tables import VERSION as METRICS
from projections.runs.projection import RunsProjection
from runledger import Experiment, Workspace
from schemas.events import RunTaggedEvent
from schemas.records import Envelope
from schemas.streams import CONTROL
from tests.runledger.cli.calling import COMMAND, SECONDS, call, terminal


def status(workspace: Path) -> dict[str, Any]:
    runs, *others = call("projection", "status", "-w", workspace).json
    assert [each["name"] for each in others] == ["experiments", "artifacts", "audit"]
    return dict(runs)


def test_status_tells_how_far_a_view_lags_behind(workspace: Path) -> None:
    (workspace / ".runledger" / "views.db").unlink(missing_ok=True)
    before = status(workspace)
    assert before["name"] == "runs"
    assert before["position"] == 0
    assert before["lag"] == before["end"] > 10
    call("run", "list", "-w", workspace)
    after = status(workspace)
    assert (after["lag"], after["position"]) == (0, before["end"])
    table = call("projection", "status", "-w", workspace, "-o", "table").out.splitlines()
    assert table[0].split()[:2] == ["PROJECTION", "VERSION"]


def test_rebuild_gives_the_same_runs_in_new_tables(workspace: Path) -> None:
    runs = call("run", "list", "-w", workspace).json
    generation = status(workspace)["generation"]
    done, *others = call("projection", "rebuild", "-w", workspace).json
    assert [each["name"] for each in others] == ["experiments", "artifacts", "audit", "metrics"]
    assert (done["name"], done["generation"]) == ("runs", generation + 1)
    assert status(workspace)["generation"] == generation + 1
    assert call("run", "list", "-w", workspace).json == runs
    assert call("projection", "rebuild", "runs", "-w", workspace).code == 0


def test_metrics_are_folded_again(empty: Path) -> None:
    with Workspace(empty) as opened, Experiment(opened, "e").start_logging(run_id="r") as run:
        run.log_list("loss", range(100))
    before = call("run", "metrics", "-r", "r", "-w", empty).json
    (done,) = call("projection", "rebuild", "metrics", "-w", empty).json
    assert (done["name"], done["writers"]) == ("metrics", 1)
    assert call("run", "metrics", "-r", "r", "-w", empty).json == before
    assert before[0]["count"] == 100


def test_a_dry_run_does_nothing(workspace: Path) -> None:
    call("run", "list", "-w", workspace)
    before = status(workspace)
    done = call("projection", "rebuild", "--dry-run", "-w", workspace)
    assert done.json == [
        {"name": "runs", "version": RunsProjection().version, "from": 0, "to": before["end"]},
        {"name": "experiments", "version": 1, "from": 0, "to": before["end"]},
        {"name": "artifacts", "version": 1, "from": 0, "to": before["end"]},
        {"name": "audit", "version": AuditProjection.version, "from": 0, "to": before["end"]},
        {"name": "metrics", "version": METRICS, "writers": 0},
    ]
    assert "Would read positions 1 to" in done.err
    assert status(workspace) == before


def test_a_projection_that_is_not_there_is_3(workspace: Path) -> None:
    done = call("projection", "rebuild", "rums", "-w", workspace)
    assert done.code == 3
    assert "there is: runs, experiments, artifacts, audit, metrics" in done.err


def test_an_interrupted_rebuild_says_so_and_goes_on_where_it_stopped(empty: Path) -> None:
    fill(empty, 60_000)
    words = [*COMMAND, "projection", "rebuild", "-w", str(empty)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        wait_for_a_batch(empty / ".runledger" / "views.db")
        os.kill(running.pid, signal.SIGINT)
        out, told = running.communicate(timeout=SECONDS)
    assert (running.returncode, out) == (130, "")
    assert "Stopped at position" in told
    assert "`runledger projection rebuild` goes on from there" in told
    *plans, _ = call("projection", "rebuild", "--dry-run", "-w", empty).json
    starts = [plan["from"] for plan in plans]
    assert 0 < max(starts) < 60_000
    assert f"position {min(starts)} of 60000" in told
    (done,) = call("projection", "rebuild", "runs", "-w", empty).json
    assert done["position"] == 60_000


def test_a_terminal_shows_a_bar(empty: Path) -> None:
    fill(empty, 1_000)
    assert "events/s" not in call("projection", "rebuild", "-w", empty).err
    assert "rebuilding all views [" in terminal("projection", "rebuild", "-w", empty).out


def test_vacuum_gives_back_what_a_rebuild_left(empty: Path) -> None:
    fill(empty, 5_000)
    views = empty / ".runledger" / "views.db"
    call("projection", "rebuild", "-w", empty)
    call("projection", "rebuild", "-w", empty)
    rows = call("run", "list", "-w", empty).json
    asked = call("projection", "vacuum", "--dry-run", "-w", empty)
    assert asked.json["after"] == asked.json["before"]
    assert "Would give back" in asked.err
    done = call("projection", "vacuum", "-w", empty).json
    assert done["after"] < 0.7 * done["before"]
    assert done["after"] == views.stat().st_size
    assert call("projection", "vacuum", "-w", empty).json["after"] == done["after"]
    assert call("run", "list", "-w", empty).json == rows
    with closing(sqlite3.connect(views)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_vacuum_makes_a_file_of_an_earlier_version_smaller_too(empty: Path) -> None:
    fill(empty, 2_000)
    views = empty / ".runledger" / "views.db"
    with closing(sqlite3.connect(views)) as connection:
        connection.execute("CREATE TABLE runs_9 (run INTEGER)")
    call("projection", "rebuild", "-w", empty)
    with closing(sqlite3.connect(views)) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        connection.execute("CREATE TABLE run_words_9 (more BLOB)")
        connection.execute("INSERT INTO run_words_9 VALUES (zeroblob(3000000))")
        connection.commit()
    before = call("run", "list", "-w", empty).json
    done = call("projection", "vacuum", "-w", empty).json
    assert done["tables_dropped"] == 1
    assert done["after"] < done["before"] - 3_000_000
    assert call("run", "list", "-w", empty).json == before


def test_vacuum_says_who_is_in_its_way(empty: Path) -> None:
    fill(empty, 100)
    call("projection", "rebuild", "-w", empty)
    call("projection", "rebuild", "-w", empty)
    with closing(sqlite3.connect(empty / ".runledger" / "views.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = call("projection", "vacuum", "-w", empty)
    assert done.code != 0
    assert "is written to by somebody else" in done.err
    assert "try again when that is done" in done.err


def test_a_rebuild_that_did_not_end_is_given_up_by_word(empty: Path) -> None:
    fill(empty, 60_000)
    words = [*COMMAND, "projection", "rebuild", "-w", str(empty)]
    views = empty / ".runledger" / "views.db"
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        wait_for_a_batch(views)
        running.kill()
    kept = call("projection", "vacuum", "-w", empty)
    assert "A rebuild of runs was begun, and has read" in kept.err
    assert "`vacuum --abandon` gives it up" in kept.err
    done = call("projection", "vacuum", "--abandon", "-w", empty)
    assert "was begun" not in done.err
    assert done.json["tables_dropped"] > 0
    assert done.json["after"] < 200_000
    (plan,) = call("projection", "rebuild", "runs", "--dry-run", "-w", empty).json
    assert plan["from"] == 0


def wait_for_a_batch(views: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        # The rebuild makes the file, and then its tables.
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(f"{views.as_uri()}?mode=ro", uri=True)) as connection,
        ):
            row = connection.execute("SELECT max(position) FROM checkpoints WHERE building = 1").fetchone()
            if row[0]:
                return
    raise TimeoutError("the rebuild did not begin")


def fill(workspace: Path, count: int) -> None:
    """Put many events into the log, as fast as it takes them."""
    database = Database(workspace / ".runledger" / "ledger.db", durable=False)
    partition = Partition(CONTROL, database.identities()[CONTROL].id)
    heads: dict[str, Head] = {}
    value = RunTaggedEvent(key="key", value="value").to_value()
    progress = database.progress(CONTROL)
    arrivals = []
    for number in range(count):
        stream = f"run:{number % 1000}"
        head = heads.get(stream, Head(0, b""))
        about = {"source": "//test", "type": RunTaggedEvent.type_name(), "time": "2026-01-01T00:00:00Z", "actor": "x"}
        envelope = Envelope(stream=stream, seq=head.seq + 1, prev=head.hash.hex(), id=str(number), value=value, **about)
        heads[stream] = Head(envelope.seq, envelope.hash(partition.log_id))
        arrivals.append(Arrival(progress.next_offset + number, progress.recorded_at, envelope.record()))
    with database.writing() as connection:
        folded = fold(arrivals, partition=partition, progress=progress, head=database.head)
        assert not folded.voids
        database.store(connection, partition, folded)
    database.close()
