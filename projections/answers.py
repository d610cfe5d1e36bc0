"""Answers to the questions of the SDK and the command line, from the views of this process."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.errors import RunNotFoundError
from ledger.feed import Feed
from ledger.queries import HistoryEntry, RunDocument, RunPage, RunQuery
from projections.history.entries import entries
from projections.projection import Projection
from projections.runner import behind, catch_up
from projections.runs.projection import RunsProjection
from projections.runs.queries import find_run, find_runs
from projections.view import View
from schemas.limits import UNSTORABLE

PROJECTIONS: tuple[Projection, ...] = (RunsProjection(),)


class Answers:
    """Each question brings the view up to date first."""

    def __init__(self, feed: Feed, view: View) -> None:
        """Answer from a view that is filled from this feed."""
        self._feed = feed
        self._view = view
        self._runs = PROJECTIONS[0]

    def runs(self, query: RunQuery, *, at_least: int = 0) -> RunPage:
        """A page of runs."""
        with self._caught_up(at_least) as connection:
            return find_runs(connection, self._feed.log_id, query)

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

    @contextmanager
    def _caught_up(self, at_least: int) -> Iterator[sqlite3.Connection]:
        with self._view.clear_errors():
            catch_up(self._view, self._runs, self._feed, at_least=at_least)
            # One moment for all statements of a question: a rebuild may change the tables in between.
            with self._view.snapshot() as connection:
                yield connection
