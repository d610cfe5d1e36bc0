"""SIGKILL at uniformly random times while a history is replayed into a lake, and then the same command again."""

import json
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pyarrow as pa
import pyarrow.parquet as pq

from projections.analytics.columns import TABLES
from projections.analytics.lake import MANIFEST
from tests.faults.replays.history import make_history
from tests.faults.row import Row

_SECONDS = 120
_ORDER = {
    "events": [("position", "ascending")],
    "metrics": [(name, "ascending") for name in ("partition", "offset", "index")],
    "runs": [("run_id", "ascending")],
    "experiments": [("experiment_id", "ascending")],
}
_IDENTITY = {
    "events": ["position"],
    "metrics": ["partition", "offset", "index"],
    "runs": ["run_id"],
    "experiments": ["experiment_id"],
}


@dataclass
class Pace:
    """How long a replay takes that nobody kills; learned anew on the way, for a busy machine changes."""

    workspace: Path
    folder: Path
    seconds: float = 0.0

    def measure(self) -> None:
        """Let one replay come to its end."""
        lake = self.folder / "measured"
        process = replaying(self.workspace, lake)
        began = _begun(process, lake)
        while not _is_whole(lake):
            sleep(0.001)
        self.seconds = monotonic() - began
        finished(process)
        shutil.rmtree(lake)


@dataclass
class Counted:
    """What became of the replays that were killed."""

    kills: int = 0
    inside: int = 0
    partial: int = 0
    doubled: int = 0
    wrong: int = 0


def kill_replays(folder: Path, *, runs: int, points: int, kills: int, every: int = 10, share: float = 0.8) -> Row:
    """So many replays, each into a lake of its own, each killed once and started again.

    After `every` so many one is measured that is not killed. At least a `share` of the kills must fall before the end.
    """
    workspace = folder / "workspace"
    make_history(workspace, runs, points)
    finished(replaying(workspace, folder / "whole"))
    whole = read(folder / "whole")
    pace, counted, dice = Pace(workspace, folder), Counted(), random.Random(1)
    while counted.kills < kills:
        if counted.kills % every == 0:
            pace.measure()
        _kill_one(pace, counted, whole, dice)
    return Row(
        "SIGKILL at random times of a replay",
        {
            "rows": sum(table.num_rows for table in whole.values()),
            "undisturbed, at last": f"{pace.seconds:.2f} s",
            "kills": counted.kills,
            "before its end": counted.inside,
            "that left a part of the rows": counted.partial,
            "lakes with a row twice": counted.doubled,
            "lakes unlike the undisturbed one after the next start": counted.wrong,
        },
        counted.wrong == counted.doubled == 0 and counted.inside >= share * kills,
    )


def _kill_one(pace: Pace, counted: Counted, whole: dict[str, pa.Table], dice: random.Random) -> None:
    lake = pace.folder / "killed"
    process = replaying(pace.workspace, lake)
    began = _begun(process, lake)
    end = began + dice.uniform(0, pace.seconds)
    while monotonic() < end and not _is_whole(lake):
        sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_SECONDS)
    counted.kills += 1
    if _is_whole(lake):
        pace.seconds = min(pace.seconds, monotonic() - began)  # nobody disturbed it
    else:
        counted.inside += 1
    seen = read(lake)
    counted.partial += seen["events"].num_rows > 0 and not _same(seen, whole)
    counted.doubled += not _each_once(seen)
    finished(replaying(pace.workspace, lake))
    counted.wrong += not _same(read(lake), whole)
    shutil.rmtree(lake)


def replaying(workspace: Path, lake: Path) -> "subprocess.Popen[bytes]":
    """A replay that was just started."""
    command = [sys.executable, "-m", "runledger", "replay", "-w", str(workspace), "-o", str(lake)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finished(process: "subprocess.Popen[bytes]") -> None:
    """Wait for its good end."""
    _, error = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, error.decode()


def read(lake: Path) -> dict[str, pa.Table]:
    """What any reader finds, in one order."""
    return {name: _table(lake / name, name) for name in TABLES}


def _table(folder: Path, name: str) -> pa.Table:
    files = [pq.ParquetFile(path).read() for path in sorted(folder.rglob("*.parquet"))]
    return pa.concat_tables(files).sort_by(_ORDER[name]) if files else TABLES[name].empty_table()


def _same(found: dict[str, pa.Table], whole: dict[str, pa.Table]) -> bool:
    return all(found[name].equals(whole[name]) for name in TABLES)


def _each_once(found: dict[str, pa.Table]) -> bool:
    return all(
        table.group_by(_IDENTITY[name]).aggregate([]).num_rows == table.num_rows for name, table in found.items()
    )


def _is_whole(lake: Path) -> bool:
    """Whether its last step is done."""
    return json.loads((lake / MANIFEST).read_bytes())["snapshots"] is not None


def _begun(process: "subprocess.Popen[bytes]", lake: Path) -> float:
    """The moment at which it has made its lake: what comes before is the start of Python."""
    while not (lake / MANIFEST).exists():
        assert process.poll() is None, process.communicate()[1]
        sleep(0.001)
    return monotonic()
