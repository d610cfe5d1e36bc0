"""Answers to the questions of the SDK and the command line, from the views of this process."""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ledger.errors import RunNotFoundError
from ledger.feed import Feed
from ledger.metrics import Scalar
from ledger.queries import ArtifactDocument, ExperimentDocument, HistoryEntry, RunDocument, RunPage, RunQuery
from projections.artifacts.projection import ArtifactsProjection
from projections.artifacts.queries import find_artifacts
from projections.experiments.projection import ExperimentsProjection
from projections.experiments.queries import find_experiment, find_experiments
from projections.history.as_of import run_as_of
from projections.history.entries import entries
from projections.history.trail import READ as TRAIL
from projections.history.trail import Trail, trail_of
from projections.projection import Projection
from projections.runner import behind, catch_up
from projections.runs.ordering import Order
from projections.runs.projection import RunsProjection
from projections.runs.queries import find_run, find_runs, matching_ids
from projections.view import View
from schemas.limits import UNSTORABLE

LastValues = Callable[[Sequence[str]], Mapping[str, Mapping[str, Scalar]]]
"""The last value of each metric, for each of some runs."""

PROJECTIONS: tuple[Projection, ...] = (RunsProjection(), ExperimentsProjection(), ArtifactsProjection())


class Answers:
    """Each question brings the view up to date first."""

    def __init__(self, feed: Feed, view: View, last_values: LastValues = lambda _: {}) -> None:
        """Answer from a view that is filled from this feed; `last_values` knows the metrics of runs."""
        self._last_values = last_values
        self._feed = feed
        self._view = view
        self._runs, self._experiments, self._artifacts = PROJECTIONS

    def runs(self, query: RunQuery, *, at_least: int = 0) -> RunPage:
        """A page of runs."""
        values = self._metric_values(query, at_least)
        with self._caught_up(at_least) as connection:
            return find_runs(connection, self._feed.log_id, query, values)

    def experiments(self, *, at_least: int = 0) -> list[ExperimentDocument]:
        """Every experiment that is not deleted by name, archived ones too."""
        with self._caught_up(at_least, self._experiments) as connection:
            return find_experiments(connection)

    def experiment(self, name: str, *, at_least: int = 0) -> ExperimentDocument:
        """One experiment; raises ExperimentNotFoundError."""
        with self._caught_up(at_least, self._experiments) as connection:
            return find_experiment(connection, name)

    def has_runs(self, experiment: str) -> bool:
        """Whether an experiment of that name has runs, archived ones and children too."""
        query = RunQuery(experiment=experiment, include_children=True, include_archived=True, limit=1)
        return bool(self.runs(query).runs)

    def run(self, run_id: str, *, at_least: int = 0) -> RunDocument:
        """One run; raises RunNotFoundError."""
        with self._caught_up(at_least) as connection:
            return find_run(connection, run_id)

    def history(self, run_id: str, *, at_least: int = 0) -> list[HistoryEntry]:
        """Every event of a run with what it changed; raises RunNotFoundError."""
        if self._feed.last_position() < at_least:
            raise behind(at_least, self._feed.last_position())
        found = [] if UNSTORABLE.search(run_id) else entries(self._feed.of_run(run_id))
        if not found:
            raise RunNotFoundError(run_id)
        return found

    def run_as_of(self, run_id: str, position: int) -> RunDocument:
        """A run as it was at a position; raises RunNotFoundError, and RunNotThereYetError before its first event."""
        number = self.run(run_id)["run_number"]
        return run_as_of(run_id, number, self._feed.of_run(run_id), position)

    def trail(self, run_id: str) -> Trail:
        """Where a run ran, its last lines, and its last event; raises RunNotFoundError."""
        found = [] if UNSTORABLE.search(run_id) else self._feed.of_run(run_id, reading=TRAIL)
        if not found:
            raise RunNotFoundError(run_id)
        return trail_of(found)

    def artifacts(self, run_id: str, prefixes: Sequence[str] = (), *, at_least: int = 0) -> list[ArtifactDocument]:
        """The files of a run by name; raises RunNotFoundError."""
        with self._caught_up(at_least, self._artifacts) as connection:
            find_run(connection, run_id)
            return find_artifacts(connection, run_id, prefixes)

    def _metric_values(self, query: RunQuery, at_least: int) -> dict[str, float | int | str]:
        """The last values of the metric that a query is ordered by; what has no order is left out."""
        metric = Order.parse(query.order_by).metric if query.order_by is not None else None
        if metric is None:
            return {}
        with self._caught_up(at_least) as connection:
            run_ids = matching_ids(connection, query)
        found = {run_id: values.get(metric) for run_id, values in self._last_values(run_ids).items()}
        return {run_id: _bounded(value) for run_id, value in found.items() if value is not None and value == value}  # noqa: PLR0124

    @contextmanager
    def _caught_up(self, at_least: int, *others: Projection) -> Iterator[sqlite3.Connection]:
        with self._view.clear_errors():
            for projection in (self._runs, *others):
                catch_up(self._view, projection, self._feed, at_least=at_least)
            # One moment for all statements of a question: a rebuild may change the tables in between.
            with self._view.snapshot() as connection:
                yield connection


def _bounded(value: Scalar) -> float | int | str:
    # JSON has no infinity, and the largest number stands in the same place.
    largest = sys.float_info.max
    return min(max(value, -largest), largest) if isinstance(value, float) else value or 0
