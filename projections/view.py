"""The tables of all projections, and how far each has read: what every store of them does."""

import re
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ledger.errors import LogRefusedError, WorkspaceError
from projections.connection import Connection
from projections.projection import Projection
from projections.skipped import has_learnt

CHECKPOINTS = """
CREATE TABLE checkpoints (
    projection TEXT, building INTEGER, version INTEGER NOT NULL, generation INTEGER NOT NULL,
    log_id TEXT NOT NULL, position INTEGER NOT NULL, opaque INTEGER NOT NULL, PRIMARY KEY (projection, building)
)"""
_SELECT = """SELECT version, generation, log_id, position, opaque FROM checkpoints
WHERE projection = ? AND building = ?"""
_GENERATIONS = "SELECT generation FROM checkpoints WHERE projection = ?"
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
_UPSERT = """INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (projection, building) DO UPDATE SET version = excluded.version, generation = excluded.generation,
log_id = excluded.log_id, position = excluded.position, opaque = excluded.opaque"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a generation of a projection's tables has read, and in which log."""

    version: int
    generation: int
    log_id: str
    position: int = 0
    opaque: int = 0
    """Events that this program could not read, and passed over."""

    @property
    def suffix(self) -> str:
        """What stands behind the names of this generation's tables."""
        return f"_{self.generation}"


class View(ABC):
    """One store of them. Rows and their checkpoint are written in one transaction, so a lost tail is only replayed."""

    name: str
    """Where it is, as errors say it."""

    cure: str
    """What is done to be rid of its tables, which are built again."""

    others_fill: bool = False
    """Whether it may hold more of the log than this machine has read so far, since another fills it too."""

    @abstractmethod
    def reading(self) -> Connection:
        """This thread's connection; in a transaction of this thread, the one of the transaction.

        Raises:
            UnavailableError: the view was closed.
        """

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """One write transaction, alone among all processes: committed at the end, rolled back on any error.

        Raises:
            UnavailableError: nothing can be written, or others write for too long.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Connection]:
        """One moment of the tables, for several reads that belong together."""

    def written(self) -> int:
        """A number that is another when others have written, where those who write wait for each other."""
        return 0

    @abstractmethod
    def clear_errors(self) -> AbstractContextManager[None]:
        """Say what went wrong with the store, and what to do."""

    @abstractmethod
    def scrub(self) -> None:
        """Keep no trace of rows that were deleted: in no index, free page or log of the store.

        Raises:
            UnavailableError: others use it all the time.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections of this process; nothing can be read or written afterwards."""

    def checkpoint(self, projection: Projection, *, building: bool = False) -> Checkpoint | None:
        """The checkpoint of the tables in use, or of those that a rebuild is making."""
        row = self.reading().execute(_SELECT, (projection.name, int(building))).fetchone()
        return Checkpoint(*row) if row else None

    def in_use(self, projection: Projection, log_id: str) -> Checkpoint | None:
        """The checkpoint of the tables in use, if this program and this log may go on with them.

        Raises:
            LogRefusedError: they were built from another log.
            WorkspaceError: they were built by a newer version of the projection.
        """
        found = self.checkpoint(projection)
        if found is None:
            return None
        if found.log_id != log_id:
            raise LogRefusedError(
                f"{self.name} was built from log {found.log_id}, this is log {log_id}; {self.cure}, it is built again"
            )
        self.refuse_newer(projection, found)
        return found

    def is_outdated(self, projection: Projection, found: Checkpoint) -> bool:
        """Whether tables are of an older version, or lack events that this program has learnt to read since."""
        if found.version < projection.version:
            return True
        return found.opaque > 0 and has_learnt(self.reading(), projection.name, found.generation)

    def refuse_newer(self, projection: Projection, found: Checkpoint) -> None:
        """Raise WorkspaceError for tables of a version that this program does not know."""
        if found.version > projection.version:
            raise WorkspaceError(
                f"{self.name} has version {found.version} of the view {projection.name!r}, this program makes "
                f"{projection.version}; use the version of runledger that wrote it, or a newer one"
            )

    def begin(self, projection: Projection, log_id: str) -> Checkpoint:
        """As `in_use`, with tables that are made if they are not there.

        To be called in a write transaction.
        """
        found = self.in_use(projection, log_id)
        if found is None:
            found = Checkpoint(projection.version, self.unused_generation(projection), log_id)
            self.make_tables(projection, found)
            self.use(projection, found)
        return found

    def unused_generation(self, projection: Projection) -> int:
        """The number for new tables, behind those in use, those being made, and what is left of others."""
        left = (generation for _, generation in self.leftovers(projection))
        return max([0, *left, *self._generations(projection)]) + 1

    def make_tables(self, projection: Projection, checkpoint: Checkpoint) -> None:
        """Make one generation of tables."""
        for statement in projection.schema(checkpoint.suffix).split(";"):
            self.reading().execute(statement)

    def table_names(self) -> list[str]:
        """The names of all tables."""
        return [name for (name,) in self.reading().execute(_TABLES)]

    def leftovers(self, projection: Projection) -> list[tuple[str, int]]:
        """Tables of a projection whose generation no checkpoint has, each with that."""
        needed = self._generations(projection)
        names = self.table_names()
        found = [
            (table, int(match.group(1)))
            for table in projection.tables
            for name in names
            if (match := re.fullmatch(rf"{re.escape(table)}_(\d+)", name))
        ]
        return [(table, generation) for table, generation in found if generation not in needed]

    def _generations(self, projection: Projection) -> set[int]:
        return {generation for (generation,) in self.reading().execute(_GENERATIONS, (projection.name,))}

    def drop_table(self, table: str, generation: int) -> None:
        """Drop one table of a generation, if it is there."""
        self.reading().execute(f"DROP TABLE IF EXISTS {table}_{generation}")

    def use(self, projection: Projection, checkpoint: Checkpoint) -> None:
        """Let queries read this generation from here on, and note its checkpoint."""
        connection = self.reading()
        for table in projection.tables:
            connection.execute(f"DROP VIEW IF EXISTS {table}")
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {table}{checkpoint.suffix}")
        self.note(projection, checkpoint)

    def note(self, projection: Projection, checkpoint: Checkpoint, *, building: bool = False) -> None:
        """Store a checkpoint, in the transaction of the rows it stands for."""
        values = (
            projection.name,
            int(building),
            checkpoint.version,
            checkpoint.generation,
            checkpoint.log_id,
            checkpoint.position,
            checkpoint.opaque,
        )
        self.reading().execute(_UPSERT, values)

    def forget_building(self, projection: Projection) -> None:
        """Forget the checkpoint of a rebuild."""
        self.reading().execute("DELETE FROM checkpoints WHERE projection = ? AND building = 1", (projection.name,))
