"""SIGKILL at uniformly random times while a history is replayed into a lake, and then the same command again."""

import random
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pyarrow as pa
import pyarrow.parquet as pq

from projections.analytics.columns import TABLES
from projections.analytics.lake import MANIFEST
from tests.faults.mails.row import Row
from tests.faults.replays.history import make_history

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


def kill_replays(folder: Path, *, runs: int, points: int, kills: int, measured: int = 3, seed: int = 1) -> Row:
    """So many replays, each into a lake of its own, each killed once and started again."""
    workspace = folder / "workspace"
    make_history(workspace, runs, points)
    finished(replaying(workspace, folder / "whole"))
    whole = read(folder / "whole")
    seconds = statistics.median(_duration(workspace, folder / f"measured-{number}") for number in range(measured))
    dice = random.Random(seed)
    inside = beyond = partial = wrong = doubled = 0
    for number in range(kills):
        lake = folder / f"lake-{number}"
        if _killed(replaying(workspace, lake), lake, dice.uniform(0, seconds)):
            inside += 1
        else:
            beyond += 1
        seen = read(lake)
        partial += seen["events"].num_rows > 0 and not _same(seen, whole)
        doubled += not _each_once(seen)
        finished(replaying(workspace, lake))
        wrong += not _same(read(lake), whole)
        shutil.rmtree(lake)
    return Row(
        "SIGKILL at random times of a replay",
        {
            "rows": sum(table.num_rows for table in whole.values()),
            "undisturbed": f"{seconds:.2f} s",
            "kills": kills,
            "before its end": inside,
            "that left a part of the rows": partial,
            "lakes with a row twice": doubled,
            "lakes unlike the undisturbed one after the next start": wrong,
        },
        wrong == 0 and doubled == 0 and inside >= 0.8 * kills and partial > 0,
    )


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


def _duration(workspace: Path, lake: Path) -> float:
    """From the first sign of work to the end."""
    process = replaying(workspace, lake)
    began = _begun(process, lake)
    finished(process)
    return monotonic() - began


def _killed(process: "subprocess.Popen[bytes]", lake: Path, seconds: float) -> bool:
    """Whether the kill found it at work."""
    end = _begun(process, lake) + seconds
    while monotonic() < end and process.poll() is None:
        sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_SECONDS)
    return process.returncode == -signal.SIGKILL


def _begun(process: "subprocess.Popen[bytes]", lake: Path) -> float:
    """The moment at which it has made its lake: what comes before is the start of Python."""
    while not (lake / MANIFEST).exists():
        assert process.poll() is None, process.communicate()[1]
        sleep(0.001)
    return monotonic()
