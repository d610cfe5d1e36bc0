"""Appending to the embedded log, against a bare SQLite commit that is synced to the disk."""

import multiprocessing
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event as Started
from pathlib import Path
from time import perf_counter

from benchmarks.events import now, tag_links
from benchmarks.result import Result, interleaved, median_seconds
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database

_APPENDS = 400
_PROCESSES = 8
_EACH = 150

Target = Callable[[Path, int, "Queue[int]", Started], None]


def run() -> list[Result]:
    """One caller by latency, eight processes by rate."""
    with tempfile.TemporaryDirectory() as folder:
        latency, commit = interleaved(
            lambda: _one_caller(Path(folder) / "ledger.db"), lambda: _bare_commit(Path(folder) / "bare.db")
        )
        rate, floor = interleaved(
            lambda: _many(_append_many, Path(folder) / "many.db"),
            lambda: _many(_commit_many, Path(folder) / "bare-many.db"),
        )
    return [
        Result("embedded append, one caller, p50", latency * 1e3, "ms", commit * 1e3, "ms, a bare commit with fsync"),
        Result("embedded append, 8 processes", rate, "appends/s", floor, "commits/s by 8 bare processes"),
    ]


def _one_caller(file: Path) -> float:
    with closing(Database(file, durable=True)) as database:
        log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
        stream = f"run:{perf_counter():.9f}"
        last = tag_links(log.id, stream, 1, "")
        log.append(last)

        def append() -> None:
            nonlocal last
            last = tag_links(log.id, stream, last[0].envelope.seq + 1, last[0].hash.hex())
            log.append(last)

        return median_seconds(append, _APPENDS)


def _bare(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=60, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)")
    return connection


def _commit(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t (v) VALUES (?)", (b"x" * 500,))
    connection.execute("COMMIT")


def _bare_commit(file: Path) -> float:
    with closing(_bare(file)) as connection:
        return median_seconds(lambda: _commit(connection), _APPENDS)


def _many(target: Target, file: Path) -> float:
    with closing(Database(file, durable=True)) if target is _append_many else closing(_bare(file)):
        pass
    context = multiprocessing.get_context("spawn")
    ready: Queue[int] = context.Queue()
    start = context.Event()
    processes = [context.Process(target=target, args=(file, number, ready, start)) for number in range(_PROCESSES)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.get()
    began = perf_counter()
    start.set()
    for process in processes:
        process.join()
    return _PROCESSES * _EACH / (perf_counter() - began)


def _append_many(file: Path, number: int, ready: "Queue[int]", start: Started) -> None:
    with closing(Database(file, durable=True)) as database:
        log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
        stream = f"run:{number}-{perf_counter():.9f}"
        seq, prev = 0, ""
        ready.put(number)
        start.wait()
        for _ in range(_EACH):
            links = tag_links(log.id, stream, seq + 1, prev)
            log.append(links)
            seq, prev = links[-1].envelope.seq, links[-1].hash.hex()


def _commit_many(file: Path, number: int, ready: "Queue[int]", start: Started) -> None:
    with closing(_bare(file)) as connection:
        ready.put(number)
        start.wait()
        for _ in range(_EACH):
            _commit(connection)
