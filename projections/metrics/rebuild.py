"""Building the metrics view again: a deletion, for each run is folded when it is asked for."""

from collections.abc import Callable

from ledger.store.database import Database
from projections.metrics.filling import fill
from projections.metrics.source import make_tables, refuse_newer
from projections.view import View
from schemas.streams import VALUES, key_of


def drop(view: View, log_id: str) -> None:
    """Forget all that was folded.

    Raises:
        WorkspaceError: the view was built by a newer version of this program.
    """
    with view.writing() as connection:
        refuse_newer(view, connection)
        make_tables(connection, log_id)


def rebuild(
    view: View, database: Database, log_id: str, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Forget all that was folded, and fold every run again.

    Questions go on meanwhile, each folds its own run first. `progress` is told how many runs are
    done, and of how many.

    Raises:
        WorkspaceError: the view was built by a newer version of this program.
    """
    drop(view, log_id)
    with database.clear_errors():
        runs = dict.fromkeys(key_of(stream) for stream in database.heads_of(f"{VALUES}:"))
    for done, run_id in enumerate(runs):
        progress(done, len(runs))
        fill(view, database, log_id, run_id)
    progress(len(runs), len(runs))
