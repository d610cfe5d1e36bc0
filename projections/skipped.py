"""Types of events that a view passed over since a later version wrote them: once known, it is built again."""

from projections.connection import Connection
from schemas.registry import is_known

_TABLE = "skipped"
_MAKE = """CREATE TABLE IF NOT EXISTS skipped (
projection TEXT, generation INTEGER, type TEXT, PRIMARY KEY (projection, generation, type)) WITHOUT ROWID"""
_INSERT = "INSERT INTO skipped VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SELECT = "SELECT type FROM skipped WHERE projection = ? AND generation = ?"
_DELETE = "DELETE FROM skipped WHERE projection = ? AND generation = ?"


def note(connection: Connection, projection: str, generation: int, type_name: str) -> None:
    """Note a type that was passed over, in the caller's transaction."""
    connection.execute(_MAKE)
    connection.execute(_INSERT, (projection, generation, type_name))


def has_learnt(connection: Connection, projection: str, generation: int) -> bool:
    """Whether this program knows a type that was passed over when the tables were filled."""
    if not connection.has_table(_TABLE):
        return False
    return any(is_known(type_name) for (type_name,) in connection.execute(_SELECT, (projection, generation)))


def forget(connection: Connection, projection: str, generation: int) -> None:
    """Forget what was noted for tables that are no more, in the caller's transaction."""
    if connection.has_table(_TABLE):
        connection.execute(_DELETE, (projection, generation))
