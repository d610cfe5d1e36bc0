"""What the metrics tables were built from: which log, and by which version of this view."""

from ledger.errors import LogRefusedError, WorkspaceError
from projections.connection import Connection
from projections.metrics import tables
from projections.skipped import forget, has_learnt
from projections.view import View

METRICS = "metrics"


def is_ready(view: View, connection: Connection, log_id: str) -> bool:
    """Whether the tables are there, of this version, and lack nothing that this program can read by now.

    Raises:
        LogRefusedError: they were built from another log.
        WorkspaceError: they were built by a newer version of this view.
    """
    version, built_from = _source(connection)
    if built_from not in {None, log_id}:
        raise LogRefusedError(
            f"{view.name} was built from log {built_from}, this is log {log_id}; {view.cure}, it is built again"
        )
    refuse_newer(view, connection)
    return version == tables.VERSION and not has_learnt(connection, METRICS, 0)


def refuse_newer(view: View, connection: Connection) -> None:
    """Raise WorkspaceError for tables of a version that this program does not know."""
    version, _ = _source(connection)
    if version > tables.VERSION:
        raise WorkspaceError(
            f"{view.name} has version {version} of the view 'metrics', this program makes {tables.VERSION}; "
            "use the version of runledger that wrote it, or a newer one"
        )


def make_tables(connection: Connection, log_id: str) -> None:
    """Make the tables anew and empty, in the caller's transaction."""
    connection.keep_readers_out()
    forget(connection, METRICS, 0)
    for table in tables.TABLES:
        connection.execute(tables.drop(table))
    for statement in tables.SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(tables.INSERT_SOURCE, (tables.VERSION, log_id))


def skipped(connection: Connection) -> int:
    """How many events were passed over in all, because this program could not read them."""
    if not connection.has_table(tables.SOURCE):
        return 0
    return int(connection.execute(tables.SUM_SKIPPED).fetchone()[0])


def _source(connection: Connection) -> tuple[int, str | None]:
    if not connection.has_table(tables.SOURCE):
        return 0, None
    version, log_id = connection.execute(tables.SELECT_SOURCE).fetchone()
    return version, log_id
