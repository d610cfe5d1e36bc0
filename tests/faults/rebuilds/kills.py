"""SIGKILL at uniformly random times while views are built anew, and then the same command again."""

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from ledger.workspace.folder import FOLDER
from projections.answers import PROJECTIONS
from tests.faults.replays.history import make_history
from tests.faults.row import Row

_SECONDS = 300
_TABLES = tuple(table for projection in PROJECTIONS for table in projection.tables)
_BEGUN = "SELECT count(*) FROM checkpoints WHERE building = 1"
_GENERATIONS = "SELECT projection, generation FROM checkpoints WHERE building = 0 ORDER BY projection"
_READ = "SELECT coalesce(max(position), 0), count(*) FROM checkpoints WHERE building = 1"

Contents = Mapping[str, tuple[int, str]]
"""Of each table the number of rows, and the hash of them all in one order."""


@dataclass
class Counted:
    """What became of the rebuilds that were killed."""

    kills: int = 0
    inside: int = 0
    partial: int = 0
    between: int = 0
    wrong_then: int = 0
    wrong: int = 0
    left: int = 0
    seconds: float = 0.0


def kill_rebuilds(folder: Path, *, runs: int, kills: int, every: int = 10, share: float = 0.7) -> Row:
    """So many rebuilds of all views of one workspace, each killed once and started again.

    After `every` so many one is measured that is not killed. At least a `share` of the kills must fall before the end.
    """
    make_history(folder, runs, 0)
    views = folder / FOLDER / "views.db"
    finished(rebuilding(folder))
    whole, counted, dice = contents(views), Counted(), random.Random(1)
    while counted.kills < kills:
        if counted.kills % every == 0:
            counted.seconds = _undisturbed(folder, views)
        _kill_one(folder, views, counted, whole, dice)
    return Row(
        "SIGKILL at random times of a rebuild of all views",
        {
            "rows": sum(count for count, _ in whole.values()),
            "undisturbed, at last": f"{counted.seconds:.2f} s",
            "kills": counted.kills,
            "before its end": counted.inside,
            "that left tables partly filled": counted.partial,
            "that left some views swapped and others not": counted.between,
            "rows in use that differed then": counted.wrong_then,
            "that differed after the next start": counted.wrong,
            "tables left over after it": counted.left,
        },
        counted.wrong == counted.wrong_then == counted.left == 0 and counted.inside >= share * kills,
    )


def _undisturbed(folder: Path, views: Path) -> float:
    before = _generations(views)
    process = rebuilding(folder)
    began = _begun(process, views, before)
    finished(process)
    return monotonic() - began


def _kill_one(folder: Path, views: Path, counted: Counted, whole: Contents, dice: random.Random) -> None:
    before = _generations(views)
    process = rebuilding(folder)
    sleep(max(0.0, _begun(process, views, before) + dice.uniform(0, counted.seconds) - monotonic()))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_SECONDS)
    counted.kills += 1
    position, building = _asked(views, _READ)[0]
    counted.inside += building > 0
    counted.partial += position > 0
    counted.between += building > 0 and _generations(views) != before
    counted.wrong_then += contents(views) != whole
    finished(rebuilding(folder))
    counted.wrong += contents(views) != whole
    counted.left += _left(views)


def rebuilding(folder: Path) -> "subprocess.Popen[bytes]":
    """A rebuild that was just started."""
    command = [sys.executable, "-m", "runledger", "projection", "rebuild", "-w", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finished(process: "subprocess.Popen[bytes]") -> None:
    """Wait for its good end."""
    _, error = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, error.decode()


def contents(views: Path) -> Contents:
    """What queries read now."""
    found = {}
    for table in _TABLES:
        rows = sorted(map(repr, _asked(views, f"SELECT * FROM {table}")))
        found[table] = (len(rows), sha256("\n".join(rows).encode()).hexdigest())
    return found


def _left(views: Path) -> int:
    """How many tables are of a generation that is not in use."""
    used = {f"{table}_{number}" for name, number in _generations(views) for table in _tables_of(name)}
    there = {name for (name,) in _asked(views, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
    generations = {name for name in there if name.rpartition("_")[0] in _TABLES and name.rpartition("_")[2].isdigit()}
    return len(generations - used)


def _tables_of(name: str) -> tuple[str, ...]:
    return next(projection.tables for projection in PROJECTIONS if projection.name == name)


def _generations(views: Path) -> list[tuple[str, int]]:
    return [(name, number) for name, number in _asked(views, _GENERATIONS)]


def _begun(process: "subprocess.Popen[bytes]", views: Path, before: list[tuple[str, int]]) -> float:
    """The moment at which it has made its tables: what comes before is the start of Python."""
    while not _asked(views, _BEGUN)[0][0] and _generations(views) == before:
        assert process.poll() is None, process.communicate()[1]
        sleep(0.001)
    return monotonic()


def _asked(views: Path, select: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(views, timeout=_SECONDS)) as connection:
        return connection.execute(select).fetchall()
