"""A replica that is killed again and again while it is filled is, at the end, the one that nobody disturbed."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from ledger.logs.kafka.address import parse_address
from ledger.store.tables import EVENT_TABLES
from tests.faults.mails.senders import ROOT
from tests.faults.replica.topics import fill
from tests.faults.row import Row

_LIFE_SECONDS = 60.0
_LOOK_SECONDS = 0.001
# About two fetches: a kill hits any step of the work between two commits.
_LATER_SECONDS = 0.03


def kill_while_filling(servers: str, folder: Path, *, records: int, kills: int, seed: int | None = None) -> Row:
    """Fill one replica in peace and one with so many SIGKILLs, and compare them byte by byte."""
    seed = random.randrange(1 << 32) if seed is None else seed
    dice = random.Random(seed)
    address = parse_address(f"kafka://{servers}/f{uuid4().hex[:10]}")
    asyncio.run(fill(address, folder, records, dice))
    peaceful, killed = folder / "peaceful.db", folder / "killed.db"
    with reading(servers, address.name, peaceful) as reader:
        reader.finish()
    total = _read(peaceful)
    hits, places = 0, set()
    with reading(servers, address.name, killed) as reader:
        for target in sorted(dice.sample(range(total), kills)):
            reader.kill_behind(target, dice.uniform(0, _LATER_SECONDS))
            read = _read(killed)
            hits += read < total
            places.add(read)
        reader.finish()
    first, second = (list(contents(each)) for each in (peaceful, killed))
    events = sum(row[0] in EVENT_TABLES.values() for row in first)
    voids = sum(row[0] == "voids" for row in first)
    figures = {
        "records": total,
        "events": events,
        "voids": voids,
        "SIGKILLs": kills,
        "that hit an unfinished replica": hits,
        "places left by them": len(places),
        "rows that differ": sum(one != other for one, other in zip(first, second, strict=False)),
        "seed": seed,
    }
    what = "a replica killed while it is filled, against one that was left alone"
    # The last kills may come when all was read, and on a busy machine some more.
    return Row(what, figures, first == second and events > 0 and voids > 0 and hits >= kills * 0.5)


def contents(replica: Path) -> Iterator[tuple[object, ...]]:
    """Every row, with the name of its table; the numbers of streams are private to a file, so their names instead."""
    with closing(sqlite3.connect(replica)) as connection:
        for table in EVENT_TABLES.values():
            query = f"SELECT s.name, e.* FROM {table} e JOIN streams s ON s.id = e.stream ORDER BY e.place"
            for name, place, _, *rest in connection.execute(query):
                yield table, name, place, *rest
        yield from (
            ("streams", *row) for row in connection.execute("SELECT name, seq, hash FROM streams ORDER BY name")
        )
        for table, order in (("voids", "log, place"), ("progress", "log, partition"), ("logs", "name")):
            yield from ((table, *row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"))


@dataclass(frozen=True)
class Reader:
    """Fills one replica, in as many lives as it takes."""

    process: "subprocess.Popen[str]"
    replica: Path

    def finish(self) -> None:
        """Live until all is read."""
        self._ask()
        status = self._ask()
        if status != 0:
            raise AssertionError(f"a reader ended with status {status}")

    def kill_behind(self, target: int, later: float) -> None:
        """Live until so much is read, and a moment longer."""
        pid, end = self._ask(), time.monotonic() + _LIFE_SECONDS
        while _read(self.replica) < target:
            assert time.monotonic() < end, "the reader does not come on"
            time.sleep(_LOOK_SECONDS)
        time.sleep(later)
        os.kill(pid, signal.SIGKILL)
        self._ask()

    def _ask(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@contextmanager
def reading(servers: str, name: str, replica: Path) -> Iterator[Reader]:
    """Who fills a replica; no process of it is left at the end."""
    # It yields to who watches it: else it is through before a busy machine looks.
    arguments = ["nice", "-n", "15", sys.executable, "-m", "tests.faults.replica.reader", servers, name, str(replica)]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Reader(process, replica)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _read(replica: Path) -> int:
    """How many records a replica has read."""
    if not replica.exists():
        return 0
    with closing(sqlite3.connect(replica, timeout=60)) as connection:
        try:
            return int(connection.execute("SELECT coalesce(sum(next_offset), 0) FROM progress").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # killed before it had made its tables
