"""Forgetting what was folded of a run: it is folded again when it is asked for."""

from projections.connection import Connection
from projections.metrics import tables
from schemas.streams import run_stream

_RUN = run_stream("")


def forget_metrics(connection: Connection, stream: str) -> None:
    """Delete the rows of the run whose stream this is, in the caller's transaction."""
    if not stream.startswith(_RUN) or not connection.has_table(tables.SOURCE):
        return
    found = connection.execute(tables.SELECT_RUN, (stream.removeprefix(_RUN),)).fetchone()
    if found is not None:
        for statement in tables.DELETE_RUN:
            connection.execute(statement, found)
