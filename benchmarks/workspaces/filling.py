"""Writing a workspace's events into ledger.db: in the order of time, in large transactions, with nothing synced."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from benchmarks.workspaces.blocks import begin_process, told_here
from benchmarks.workspaces.links import Chained, Loose
from benchmarks.workspaces.log_writer import LogWriter
from benchmarks.workspaces.mails import Mails
from benchmarks.workspaces.shape import BLOCK, DAY, Shape
from benchmarks.workspaces.shared import Shared
from benchmarks.workspaces.story import Told
from benchmarks.workspaces.world import SOURCE, World
from ledger.artifacts.content import key_of
from ledger.store.database import Database, LogIdentity
from ledger.workspace.folder import make_folder
from schemas.streams import CONTROL, VALUES

_AHEAD = 2
"""How many blocks more than there are processes may wait to be written: each takes some 30 MB."""

_END = 1 << 62


class Progress(NamedTuple):
    """How much has been written."""

    blocks: int
    events: int
    batches: int
    values: int


def fill(folder: Path, shape: Shape, *, processes: int, told: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Make a workspace in a folder that is not there, and answer with how much is in it.

    `told` hears after each block how much was written.
    """
    world = World(shape)
    files = make_folder(folder, log="sqlite")
    for digest, content in world.contents:
        path = files.artifacts / key_of(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with closing(Database(files.ledger_db, durable=False)) as database:
        connection = database.reading()
        for setting in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-1000000"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        progress = _Filling(world, database).fill(processes, told)
        for setting in ("locking_mode=NORMAL", "journal_mode=WAL"):
            connection.execute(f"PRAGMA {setting}").fetchall()
    return progress


class _Filling:
    """Both logs of a workspace as they are written."""

    def __init__(self, world: World, database: Database) -> None:
        self._world, self._database = world, database
        self._control: LogWriter[Chained | Loose] = LogWriter(database, LogIdentity(CONTROL, world.control_id, 1))
        self._values: LogWriter[Chained] = LogWriter(database, LogIdentity(VALUES, world.values_id, 1))
        self._shared = Shared(world.control_id, SOURCE)
        self._mails = Mails(world)

    def fill(self, processes: int, told: Callable[[Progress], None]) -> Progress:
        shape = self._world.shape
        progress = Progress(0, 0, 0, 0)
        with self._database.writing() as connection:
            for log in (self._control, self._values):
                log.begin(connection, shape.begin_of(0) - 2 * DAY)
            self._control.take(self._world.founding())
        for block, found in enumerate(_blocks(self._world, processes), 1):
            self._mails.alarms |= found.alarms
            self._control.take(chain(found.control, found.loose))
            self._values.take(found.values)
            with self._database.writing() as connection:
                self._write(connection, shape.begin_of(block * BLOCK) if block < shape.blocks else _END)
            progress = Progress(block, self._control.written, self._values.written, progress.values + found.logged)
            told(progress)
        return progress

    def _write(self, connection: Connection, until: int) -> None:
        """Write what is recorded before a moment, which nothing that is still to come precedes."""
        for each in self._control.due(until):
            self._write_mails(each[0])
            if isinstance(each, Loose):
                position = self._control.write(self._shared.chained(each))
                if each.stream.startswith("rule:"):
                    self._mails.define(each.stream, position)
            else:
                position = self._control.write(each)
                if each[2] in self._mails.alarms:
                    self._mails.notice(each[0], each[1][0], each[2], position)
        if until == _END:
            self._write_mails(until)
        for each in self._values.due(until):
            self._values.write(each)
        self._control.store(connection)
        self._values.store(connection)

    def _write_mails(self, moment: int) -> None:
        for mail in self._mails.due(moment):
            self._control.write(self._shared.chained(mail))


def _blocks(world: World, processes: int) -> Iterator[Told]:
    """All blocks in order, a few of them told in advance."""
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, begin_process, (world,)) as pool:
        waiting: deque[Future[Told]] = deque()
        for block in range(world.shape.blocks):
            waiting.append(pool.submit(told_here, block))
            if len(waiting) >= processes + _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
