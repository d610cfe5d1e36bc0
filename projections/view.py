"""views.db: the tables of all projections, and how far each has read."""

from dataclasses import dataclass
from pathlib import Path

from ledger.errors import LogRefusedError
from ledger.store.file import SqliteFile
from projections.projection import Projection

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE checkpoints (
    projection TEXT, building INTEGER, version INTEGER NOT NULL, generation INTEGER NOT NULL,
    log_id TEXT NOT NULL, position INTEGER NOT NULL, opaque INTEGER NOT NULL, PRIMARY KEY (projection, building)
) WITHOUT ROWID
"""
_SELECT = """SELECT version, generation, log_id, position, opaque FROM checkpoints
WHERE projection = ? AND building = ?"""
_UPSERT = """INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = excluded.version, generation = excluded.generation,
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


class View(SqliteFile):
    """The file; a lost tail is only replayed, so commits are not synced."""

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        super().__init__(path, durable=False, cure="delete it, it is built again")
        self.make_once(_SCHEMA, _SCHEMA_VERSION)

    def checkpoint(self, projection: Projection, *, building: bool = False) -> Checkpoint | None:
        """The checkpoint of the tables in use, or of those that a rebuild is making."""
        row = self.reading().execute(_SELECT, (projection.name, building)).fetchone()
        return Checkpoint(*row) if row else None

    def begin(self, projection: Projection, log_id: str) -> Checkpoint:
        """The checkpoint of the tables in use, which are made if they are not there.

        To be called in a write transaction.

        Raises:
            LogRefusedError: the tables were built from another log.
        """
        found = self.checkpoint(projection)
        if found is None:
            found = Checkpoint(projection.version, 1, log_id)
            self.make_tables(projection, found)
            self.use(projection, found)
        if found.log_id != log_id:
            raise LogRefusedError(
                f"{self.path} was built from log {found.log_id}, this is log {log_id}; delete {self.path.name}, "
                "it is built again"
            )
        return found

    def make_tables(self, projection: Projection, checkpoint: Checkpoint) -> None:
        """Make one generation of tables."""
        for statement in projection.schema(checkpoint.suffix).split(";"):
            self.reading().execute(statement)

    def drop_tables(self, projection: Projection, generation: int) -> None:
        """Drop one generation of tables."""
        for table in projection.tables:
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
            building,
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
