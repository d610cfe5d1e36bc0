"""`runledger replay`: a lake that the next replay adds to, and one table to a pipe."""

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ledger.commands import TagRun
from projections.analytics.selection import Selection
from runledger import Workspace
from runledger.replaying import pipe
from runledger.wiring import embedded_workspace
from tests.runledger.cli.calling import COMMAND, call, process, terminal


def events_in(lake: Path) -> list[str]:
    table = pa.concat_tables([pq.ParquetFile(path).read() for path in sorted((lake / "events").rglob("*.parquet"))])
    return [str(kind) for kind in table.sort_by("position")["type"].to_pylist()]


def test_a_lake_and_what_the_next_replay_adds(workspace: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    first = call("replay", "-w", workspace, "-o", lake)
    assert first.code == 0, first.err
    assert first.json["events"] == len(events_in(lake)) == first.json["position"]
    assert (first.json["runs"], first.json["experiments"], first.json["skipped"]) == (4, 2, 0)
    with Workspace(workspace) as opened:
        opened.client.execute(TagRun(run_id="first", tags={"later": None}))
    second = call("replay", "-w", workspace, "-o", lake)
    assert (second.json["events"], second.json["records"]) == (1, 1)
    assert events_in(lake)[-1] == "run.tagged"
    assert call("replay", "-w", workspace, "-o", lake).json["files"] == 0


def test_a_person_is_told_in_a_few_lines(workspace: Path, tmp_path: Path) -> None:
    shown = terminal("replay", "-w", workspace, "-o", tmp_path / "lake").out
    assert "has come to position" in shown
    assert "4 runs of 2 experiments" in shown
    assert "nothing new" in terminal("replay", "-w", workspace, "-o", tmp_path / "lake").out


@pytest.mark.parametrize("table", ["events", "metrics", "runs", "experiments"])
def test_one_table_goes_to_a_pipe(workspace: Path, table: str) -> None:
    lines = call("replay", "-w", workspace, "-o", "-", "--table", table)
    assert lines.code == 0, lines.err
    rows = [json.loads(line) for line in lines.out.splitlines()]
    assert bool(rows) == (table != "metrics")
    out = io.BytesIO()
    with embedded_workspace(str(workspace)) as parts:
        pipe(parts, table, Selection(), "arrow", out)
    found = pa.ipc.open_stream(io.BytesIO(out.getvalue())).read_all()
    assert found.num_rows == len(rows)
    assert all(set(row) <= set(found.column_names) for row in rows)


def test_an_arrow_stream_goes_into_a_file(workspace: Path, tmp_path: Path) -> None:
    with (tmp_path / "runs.arrow").open("wb") as out:
        command = [*COMMAND, "replay", "-w", str(workspace), "-o", "-", "--table", "runs", "--format", "arrow"]
        subprocess.run(command, stdout=out, check=True, timeout=60)
    assert pa.ipc.open_stream(tmp_path / "runs.arrow").read_all().num_rows == 4


def test_events_in_json_lines_are_readable(workspace: Path) -> None:
    rows = [json.loads(line) for line in call("replay", "-w", workspace, "-o", "-").out.splitlines()]
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    tagged = next(row for row in rows if row["type"] == "run.property-added")
    assert (tagged["run_id"], tagged["key"], tagged["text"]) == ("first", "author", "azureml-user")
    assert tagged["recorded_at"].endswith("Z")
    run = json.loads(call("replay", "-w", workspace, "-o", "-", "--table", "runs").out.splitlines()[1])
    assert run["tags"] == {"worth another look": None, "quality": "poor"}


def test_who_reads_no_further_is_no_error(workspace: Path) -> None:
    command = f"{sys.executable} -m runledger replay -w {workspace} -o - | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "Missing option '-o'"),
        (("-o", "-", "--follow"), "events tail -f"),
        (("-o", "x", "--table", "runs"), "-o -"),
        (("-o", "x", "--format", "arrow"), "-o -"),
        (("-o", "x", "--follow", "--until", "1d"), "leave --until and --as-of out"),
        (("-o", "x", "--since", "someday"), "is no time"),
        (("-o", "x", "--as-of", "someday"), "is no time"),
    ],
)
def test_wrong_usage(workspace: Path, words: tuple[str, ...], part: str) -> None:
    done = call("replay", "-w", workspace, *words)
    assert (done.code, done.out) == (2, "")
    assert part in done.err


def test_a_terminal_gets_no_arrow_stream(workspace: Path) -> None:
    assert "not for a terminal" in terminal("replay", "-w", workspace, "-o", "-", "--format", "arrow").out


def test_a_server_is_told_where_to_replay(tmp_path: Path) -> None:
    done = call("replay", "-w", "http://127.0.0.1:9", "-o", tmp_path / "lake")
    assert done.code == 4
    assert "`-w FOLDER`" in done.err
    assert not (tmp_path / "lake").exists()


def test_a_position_that_is_not_there_yet(workspace: Path, tmp_path: Path) -> None:
    done = call("replay", "-w", workspace, "-o", tmp_path / "lake", "--as-of", "999")
    assert done.code == 3
    assert "no position 999 yet" in done.err


def test_an_address_that_cannot_be_reached_is_named(workspace: Path) -> None:
    done = call("replay", "-w", workspace, "-o", "no-such://place")
    assert done.code == 5
    assert "no-such://place" in done.err


def test_a_place_that_cannot_be_written_is_named(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = call("replay", "-w", workspace, "-o", tmp_path / "file")
    assert done.code == 5
    assert str(tmp_path / "file") in done.err


def test_without_pyarrow_it_says_what_to_install(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError(\"No module named 'pyarrow'\", name='pyarrow')")
    done = process("replay", "-w", str(workspace), "-o", str(tmp_path / "lake"), PYTHONPATH=str(tmp_path))
    assert done.code == 5
    assert done.err == "runledger: this needs pyarrow: pip install 'runledger[parquet]'\n"


def test_following_adds_what_happens_and_ends_at_once(workspace: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    command = [*COMMAND, "replay", "-w", str(workspace), "-o", str(lake), "--follow", "--every", "0.1"]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert follower.stdout is not None
        told = json.loads(follower.stdout.readline())
        with Workspace(workspace) as opened:
            for number in range(3):
                opened.client.execute(TagRun(run_id="first", tags={f"k{number}": "v"}))
                _wait_for(lake, told["position"] + number + 1)
        assert len(list(lake.rglob("*.parquet"))) == 3  # the day's events, runs, experiments: rewritten, not added to
    finally:
        follower.send_signal(signal.SIGINT)
        _, error = follower.communicate(timeout=60)
    assert follower.returncode == 130, error


def _wait_for(lake: Path, count: int) -> None:
    end = monotonic() + 60
    while len(events_in(lake)) < count:
        assert monotonic() < end
        sleep(0.05)


def test_a_lake_by_a_path_from_here(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("replay", "-w", workspace, "-o", "lake").code == 0
    assert list(Path("lake/events").iterdir())
