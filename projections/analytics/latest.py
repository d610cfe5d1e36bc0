"""The tables of what is latest: a row a run, and a row an experiment, from the views."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic_core import from_json

from ledger.feed import Feed, FeedEvent
from projections.analytics.columns import EXPERIMENTS
from projections.analytics.run_rows import runs_batch
from projections.connection import Connection
from projections.experiments.projection import ExperimentsProjection
from projections.experiments.queries import find_experiments
from projections.runner import catch_up
from projections.runs.projection import RunsProjection
from projections.sqlite.view import SqliteView
from projections.view import View

_RUNS_AT_ONCE = 10_000
_PROJECTIONS = (RunsProjection(), ExperimentsProjection())
_SELECT_RUNS = "SELECT run, run_id, number, state FROM runs WHERE run > ? ORDER BY run LIMIT ?"
_SELECT_METRICS = """
SELECT run, field, value FROM run_values
WHERE run BETWEEN ? AND ? AND field >= 'metric.' AND field < 'metric/'"""


class Latest:
    """Both tables at one moment of a view, as of a position."""

    def __init__(self, connection: Connection, position: int, only: str | None = None) -> None:
        """Read in a transaction of the caller; `only` are the rows of one experiment."""
        self._connection = connection
        self._only = only
        self.position = position

    def runs(self) -> Iterator[pa.RecordBatch]:
        """Every run, archived ones and children too, in the order of their first events."""
        last = 0
        while rows := self._connection.execute(_SELECT_RUNS, (last, _RUNS_AT_ONCE)).fetchall():
            metrics = self._metrics(rows[0][0], last := rows[-1][0])
            states = [
                {**from_json(state), "run_id": run_id, "run_number": number, "metrics": metrics.get(run, {})}
                for run, run_id, number, state in rows
            ]
            yield runs_batch([state for state in states if self._only in {None, state["experiment"]}])

    def experiments(self) -> Iterator[pa.RecordBatch]:
        """Every experiment that is not deleted, archived ones too, by name."""
        found = [each for each in find_experiments(self._connection) if self._only in {None, each["name"]}]
        yield pa.RecordBatch.from_pylist([_experiment(each) for each in found], schema=EXPERIMENTS)

    def _metrics(self, first: int, last: int) -> Mapping[int, Mapping[str, float]]:
        found: dict[int, dict[str, float]] = {}
        for run, field, stored in self._connection.execute(_SELECT_METRICS, (first, last)):
            value = self._connection.dialect.value(stored)
            if isinstance(value, int | float):
                found.setdefault(run, {})[field.removeprefix("metric.")] = float(value)
        return found


@contextmanager
def latest(view: View, feed: Feed, upto: int | None = None, only: str | None = None) -> Iterator[Latest]:
    """The tables as they are now, or as of an earlier position: from a view that is built for it and deleted."""
    if upto is None:
        with _of(view, feed, only) as found:
            yield found
        return
    with (
        tempfile.TemporaryDirectory(prefix="runledger-") as folder,
        closing(SqliteView(Path(folder) / "views.db")) as past,
        _of(past, _Past(feed, upto), only) as found,
    ):
        yield found


@contextmanager
def _of(view: View, feed: Feed, only: str | None) -> Iterator[Latest]:
    with view.clear_errors():
        for projection in _PROJECTIONS:
            catch_up(view, projection, feed)
        with view.snapshot() as connection:
            checkpoint = view.checkpoint(_PROJECTIONS[0])
            yield Latest(connection, checkpoint.position if checkpoint else 0, only)


class _Past(Feed):
    """A feed that ends at a position."""

    def __init__(self, feed: Feed, upto: int) -> None:
        self.log_id = feed.log_id
        self._feed, self._upto = feed, upto

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        return [event for event in self._feed.after(position, limit) if event.position <= self._upto]

    def last_position(self) -> int:
        return min(self._feed.last_position(), self._upto)


def _experiment(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{
            name: found.get(name) for name in ("experiment_id", "name", "description", "archived", "runs", "created_by")
        },
        "created_at": datetime.fromisoformat(found["created_utc"]),
        "last_activity_at": datetime.fromisoformat(found["last_activity_utc"]),
        "tags": list(found["tags"].items()),
    }
