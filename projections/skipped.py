"""Types of events that a view passed over since a later version wrote them: once known, it is built again."""

from sqlite3 import Connection

from schemas.registry import is_known

_MAKE = """CREATE TABLE IF NOT EXISTS skipped (
projection TEXT, generation INTEGER, type TEXT, PRIMARY KEY (projection, generation, type)) WITHOUT ROWID"""
_HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'skipped'"
_INSERT = "INSERT OR IGNORE INTO skipped VALUES (?, ?, ?)"
_SELECT = "SELECT type FROM skipped WHERE projection = ? AND generation = ?"
_DELETE = "DELETE FROM skipped WHERE projection = ? AND generation = ?"


def note(connection: Connection, projection: str, generation: int, type_name: str) -> None:
    """Note a type that was passed over, in the caller's transaction."""
    connection.execute(_MAKE)
    connection.execute(_INSERT, (projection, generation, type_name))


def has_learnt(connection: Connection, projection: str, generation: int) -> bool:
    """Whether this program knows a type that was passed over when the tables were filled."""
    if connection.execute(_HAS_TABLE).fetchone() is None:
        return False
    return any(is_known(type_name) for (type_name,) in connection.execute(_SELECT, (projection, generation)))


def forget(connection: Connection, projection: str, generation: int) -> None:
    """Forget what was noted for tables that are no more, in the caller's transaction."""
    if connection.execute(_HAS_TABLE).fetchone() is not None:
        connection.execute(_DELETE, (projection, generation))
