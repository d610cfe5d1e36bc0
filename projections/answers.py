"""Answers to the questions of the SDK and the command line, from the views of this process."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ledger.errors import LimitExceededError, RunNotFoundError
from ledger.feed import Feed
from ledger.metrics import MetricSummary
from ledger.moments import place_of
from ledger.queries import (
    RUNS_COMPARED,
    ArtifactDocument,
    AuditPage,
    AuditQuery,
    Compared,
    ExperimentDocument,
    HistoryEntry,
    KeyQuery,
    Named,
    RunDocument,
    RunPage,
    RunQuery,
)
from projections.artifacts.projection import ArtifactsProjection
from projections.artifacts.queries import find_artifacts
from projections.audit.projection import AuditProjection
from projections.audit.queries import find_audit
from projections.connection import Connection
from projections.experiments.as_of import ExperimentsThen
from projections.experiments.projection import ExperimentsProjection
from projections.experiments.queries import find_experiment, find_experiments
from projections.history.as_of import run_as_of
from projections.history.entries import entries
from projections.history.moments import position_of
from projections.history.trail import TYPES, Trail, trail_of
from projections.projection import Projection
from projections.runner import Told, behind, catch_up_all
from projections.runs.as_of import Past
from projections.runs.comparing import compared, facts_of, origin_of
from projections.runs.conditions import LiveMetrics
from projections.runs.facets import find_names
from projections.runs.folded import Folds
from projections.runs.live import LastValues, asks_metrics, going_on, live_metrics
from projections.runs.matching import Source
from projections.runs.projection import RunsProjection
from projections.runs.queries import check, find_run, find_runs
from projections.view import View
from schemas.limits import UNSTORABLE
from schemas.streams import run_stream

Summaries = Callable[[str, str | None], Sequence[MetricSummary]]
"""The metrics of a run in short, as of a moment if one is named."""

PROJECTIONS: tuple[Projection, ...] = (
    RunsProjection(),
    ExperimentsProjection(),
    ArtifactsProjection(),
    AuditProjection(),
)


class Answers:
    """Each question brings the view up to date first."""

    def __init__(
        self,
        feed: Feed,
        view: View,
        last_values: LastValues = lambda _: {},
        summaries: Summaries = lambda *_: (),
    ) -> None:
        """Answer from a view that is filled from this feed; the others know the metrics of runs, and of one run."""
        self._last_values = last_values
        self._summaries = summaries
        self._feed = feed
        self._view = view
        self._fold = Folds(feed).at
        self._past = Past(self._fold)
        self._runs, self._experiments, self._artifacts, self._audit = PROJECTIONS

    def runs(self, query: RunQuery, *, at_least: int = 0) -> RunPage:
        """A page of runs."""
        check(query)
        if query.as_of is not None:
            return self._runs_as_of(query, query.as_of, at_least)
        live = self._live(at_least) if asks_metrics(query) else {}
        with self._caught_up(at_least) as connection:
            return find_runs([Source(connection, live)], self._feed.log_id, query)

    def _runs_as_of(self, query: RunQuery, moment: str, at_least: int) -> RunPage:
        with self._caught_up(at_least) as connection:
            position = place_of(self._feed, moment)
            with self._past.sources(connection, position, query) as sources:
                return find_runs(sources, self._feed.log_id, query)

    def compared(self, run_ids: Sequence[str], *, as_of: str | None = None, at_least: int = 0) -> list[Compared]:
        """Runs field by field, what tells them apart first; raises RunNotFoundError and LimitExceededError.

        As of a moment that `ledger.moments` reads it raises what that does, and RunNotThereYetError.
        """
        wanted = list(dict.fromkeys(run_ids))
        if not 1 < len(wanted) <= RUNS_COMPARED:
            raise LimitExceededError(f"2 to {RUNS_COMPARED} runs are compared at once, not {len(wanted)}")
        with self._caught_up(at_least) as connection:
            documents = {run_id: find_run(connection, run_id) for run_id in wanted}
        upto = None if as_of is None else place_of(self._feed, as_of)
        if upto is not None:
            documents = {run_id: self.run_as_of(run_id, upto) for run_id in wanted}
        events = {run_id: self._feed.of_run(run_id) for run_id in wanted}
        origins = {
            run_id: origin_of(each for each in found if upto is None or each.position <= upto)
            for run_id, found in events.items()
        }
        return compared(
            {each: facts_of(documents[each], self._summaries(each, as_of), origins[each]) for each in wanted}
        )

    def keys(self, query: KeyQuery, *, at_least: int = 0) -> list[Named]:
        """Keys or values to choose from, by name; those of metrics of runs that go on too, as far as they are known."""
        with self._caught_up(at_least) as connection:
            found = find_names(connection, query)
        if query.kind != "metric":
            return found
        live = self._live(at_least, query.experiment).values()
        counts = Counter({named.name: named.runs for named in found})
        counts.update(name for values in live for name in values if name.startswith(query.prefix))
        after = query.after or ""
        return [Named(name, counts[name]) for name in sorted(counts) if name > after][: query.limit]

    def experiments(self, *, as_of: str | None = None, at_least: int = 0) -> list[ExperimentDocument]:
        """Every experiment that is not deleted by name, archived ones too, or as they were.

        Raises what `ledger.moments` does, and LimitExceededError.
        """
        if as_of is not None:
            with self._experiments_then(as_of, at_least) as then:
                return then.all()
        with self._caught_up(at_least, self._experiments) as connection:
            return find_experiments(connection)

    def experiment(self, name: str, *, as_of: str | None = None, at_least: int = 0) -> ExperimentDocument:
        """One experiment, or as it was; raises ExperimentNotFoundError and NotThereYetError."""
        if as_of is not None:
            with self._experiments_then(as_of, at_least) as then:
                return then.one(name)
        with self._caught_up(at_least, self._experiments) as connection:
            return find_experiment(connection, name)

    @contextmanager
    def _experiments_then(self, as_of: str, at_least: int) -> Iterator[ExperimentsThen]:
        with self._caught_up(at_least, self._experiments, self._audit) as connection:
            yield ExperimentsThen(connection, self._feed, self._fold, place_of(self._feed, as_of))

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

    def run_at(self, run_id: str, moment: str, *, at_least: int = 0) -> RunDocument:
        """A run as it was at a moment, which `projections.history.moments` reads.

        Raises what that does, RunNotFoundError, and RunNotThereYetError before its first event.
        """
        self.run(run_id, at_least=at_least)
        return self.run_as_of(run_id, position_of(self._feed, run_id, moment))

    def trail(self, run_id: str, upto: int | None = None) -> Trail:
        """Where a run ran, its last lines, and its last event, up to a position; raises RunNotFoundError."""
        events = () if UNSTORABLE.search(run_id) else self._feed.of_run(run_id, TYPES if upto is None else ())
        known = [each for each in events if upto is None or each.position <= upto]
        if not known:
            raise RunNotFoundError(run_id)
        last = self._feed.last_of(run_stream(run_id)) if upto is None else None
        return trail_of(known, last or known[-1])

    def artifacts(self, run_id: str, prefixes: Sequence[str] = (), *, at_least: int = 0) -> list[ArtifactDocument]:
        """The files of a run by name; raises RunNotFoundError."""
        with self._caught_up(at_least, self._artifacts) as connection:
            find_run(connection, run_id)
            return find_artifacts(connection, run_id, prefixes)

    def catch_up(self, told: Told | None = None) -> None:
        """Bring all tables up to date, in one reading of the events; `told` hears how far they are."""
        with self._view.clear_errors():
            catch_up_all(self._view, PROJECTIONS, self._feed, told=told)

    def audit(self, query: AuditQuery, *, at_least: int = 0) -> AuditPage:
        """A page of what was done or refused; raises InvalidNameError and LimitExceededError."""
        with self._caught_up(at_least, self._audit) as connection:
            return find_audit(connection, self._feed, query)

    def _live(self, at_least: int, experiment: str | None = None) -> LiveMetrics:
        """The last values of runs that go on. Asked of a moment of its own: it may write to the view."""
        with self._caught_up(at_least) as connection:
            going = going_on(connection, experiment)
        return live_metrics(going, self._last_values)

    @contextmanager
    def _caught_up(self, at_least: int, *others: Projection) -> Iterator[Connection]:
        with self._view.clear_errors():
            catch_up_all(self._view, (self._runs, *others), self._feed, at_least=at_least)
            # One moment for all statements of a question: a rebuild may change the tables in between.
            with self._view.snapshot() as connection:
                yield connection
