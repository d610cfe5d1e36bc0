"""The fold of the run table: events in, statements and their values out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from ledger.feed import FeedEvent
from projections.connection import Connection
from projections.projection import Changes, many
from projections.remembered import among, forget_oldest
from projections.runs import tables
from projections.runs.attributes import Attribute, attributes_brought_by, attributes_of
from projections.runs.row import Row, RowChanges
from projections.runs.state import apply_event, moment
from projections.runs.values import Values, metrics_told
from schemas.events import ExperimentCreatedEvent, RunResumedEvent, RunStatusChangedEvent
from schemas.streams import run_stream

_RUN = run_stream("")
_EARLIEST = -(1 << 63)
_MOVES = frozenset({RunStatusChangedEvent, RunResumedEvent})
# A run that goes on has some kB here, a fact a quarter of one: about 30 MB in all.
_RUNS_KEPT, _FACTS_KEPT, _EXPERIMENTS_KEPT = 5_000, 50_000, 10_000


@dataclass(slots=True)
class _Experiment:
    """Its number of runs, and when something last happened to one of them, in microseconds."""

    runs: int = 0
    active: int = 0


class RunsFold:
    """Remembers runs that go on, the numbers of facts, and experiments."""

    def __init__(self, suffix: str) -> None:
        """Of one generation of the tables."""
        self._suffix = suffix
        self._last: _Last | None = None
        self._rows: dict[str, Row] = {}
        self._numbers: dict[Attribute, int] = {}
        self._experiments: dict[str, _Experiment] = {}

    def take(self, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        """Each run that events touch is read once, if it is not remembered, and written once."""
        batch = self._batch(connection)
        batch.load(events)
        for event in events:
            if event.envelope.stream.startswith(_RUN):
                batch.take(event)
            elif type(event.event) is ExperimentCreatedEvent:
                batch.count(event.event.experiment, 0, moment(event))
        changes = batch.changes()
        self._forget(batch.touched)
        return changes

    def take_again(self, run_id: str, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        """A run that the tables have, made anew from all of its events."""
        batch = self._batch(connection)
        batch.take_again(run_id, events)
        return batch.changes()

    def _batch(self, connection: Connection) -> "_Batch":
        last = self._last = self._last or _last(connection, self._suffix)
        return _Batch(connection, self._suffix, self._rows, self._numbers, self._experiments, last)

    def _forget(self, touched: Iterable[Row]) -> None:
        for row in touched:
            # Behind those that nothing happened to for longer; of one that has ended little is to come.
            self._rows.pop(row.run_id, None)
            if "ended" not in row.state:
                self._rows[row.run_id] = row
        forget_oldest(self._rows, _RUNS_KEPT)
        forget_oldest(self._numbers, _FACTS_KEPT)
        forget_oldest(self._experiments, _EXPERIMENTS_KEPT)


@dataclass(slots=True)
class _Last:
    """The last numbers that were given, and the greatest `created` up to that run."""

    run: int
    latest: int
    attribute: int


def _last(connection: Connection, suffix: str) -> _Last:
    run, latest = connection.execute(tables.SELECT_NEWEST.format(suffix)).fetchone() or (0, _EARLIEST)
    return _Last(run, latest, connection.execute(tables.SELECT_LAST_ATTRIBUTE.format(suffix)).fetchone()[0])


class _Batch:
    """The rows that one batch touches; it changes what the fold remembers."""

    def __init__(
        self,
        connection: Connection,
        suffix: str,
        rows: dict[str, Row],
        numbers: dict[Attribute, int],
        experiments: dict[str, _Experiment],
        last: _Last,
    ) -> None:
        self._connection, self._suffix = connection, suffix
        self._rows, self._numbers, self._experiments = rows, numbers, experiments
        self._last = last
        self._touched: dict[str, Row] = {}
        self._active: dict[str, _Experiment] = {}
        self._brought: dict[Attribute, None] = {}
        """Facts without a number that events may have added, in the order in which new ones are numbered."""

    @property
    def touched(self) -> Iterable[Row]:
        return self._touched.values()

    def load(self, events: Sequence[FeedEvent]) -> None:
        """Read the runs that are neither remembered nor begun by these events."""
        wanted = []
        for event in events:
            stream = event.envelope.stream
            if stream.startswith(_RUN) and (run_id := stream[len(_RUN) :]) not in self._touched:
                row = self._touched[run_id] = self._rows.get(run_id) or _UNREAD
                if row is _UNREAD and event.envelope.prev:
                    wanted.append((run_id,))
        self._read(wanted)

    def _read(self, wanted: Sequence[tuple[str]]) -> None:
        for run_id, run, created, number, first, latest, text in self._among(tables.SELECT_RUNS, "?", wanted):
            row = self._touched[run_id] = Row(run_id, run, created, number, first, latest, from_json(text))
            row.begin()

    def take_again(self, run_id: str, events: Sequence[FeedEvent]) -> None:
        self._read([(run_id,)])
        row = self._touched[run_id]
        row.known = self._metrics(row)
        row.state, row.metrics = {}, {}
        for event in events:
            apply_event(row.state, event)
            self._take_metrics(row, event)
        self._brought.update(dict.fromkeys(fact for fact in attributes_of(row.state) if fact not in self._numbers))

    def take(self, event: FeedEvent) -> None:
        run_id = event.envelope.stream[len(_RUN) :]
        row = self._touched[run_id]
        if row is _UNREAD:
            row = self._touched[run_id] = self._new(run_id, event)
        state = row.state
        unnamed, begins = not state.get("experiment"), not state
        apply_event(state, event)
        if state["experiment"]:
            number = self.count(state["experiment"], int(unnamed), moment(event))
            row.number = number if unnamed else row.number
        if unnamed or type(event.event) in _MOVES:
            self._take_metrics(row, event)
        # All facts of a new run get their numbers at its first event, wherever a batch ends.
        for fact in attributes_of(state) if begins else attributes_brought_by(event, state):
            if fact not in self._numbers:
                self._brought[fact] = None

    def count(self, experiment: str, more: int, at: int) -> int:
        """The number of runs of an experiment, with so many more, of which something happened at a moment."""
        known = self._active.get(experiment)
        if known is None:
            known = self._active[experiment] = self._experiment(experiment)
        known.runs += more
        known.active = max(known.active, at)
        return known.runs

    def _experiment(self, name: str) -> _Experiment:
        known = self._experiments.get(name)
        if known is None:
            found = self._connection.execute(tables.SELECT_EXPERIMENT.format(self._suffix), (name,)).fetchone()
            known = self._experiments[name] = _Experiment(*(found or ()))
        return known

    def _take_metrics(self, row: Row, happened: FeedEvent) -> None:
        if row.metrics is None:
            row.known = row.metrics = self._metrics(row)
        told = metrics_told(happened.event)
        row.metrics = row.metrics if told is None else told

    def _metrics(self, row: Row) -> Values:
        if row.known is not None:
            return row.known
        found = self._connection.execute(tables.SELECT_METRICS.format(self._suffix), (row.run,)).fetchall()
        return {field: self._connection.dialect.value(stored) for field, stored in found}

    def _new(self, run_id: str, event: FeedEvent) -> Row:
        last = self._last
        created = moment(event)
        last.run, last.latest = last.run + 1, max(last.latest, created)
        return Row(run_id, last.run, created, 0, event.position, last.latest, {}, known={}, metrics={})

    def changes(self) -> Changes:
        """The statements of the batch, in their order."""
        changes = RowChanges()
        for row in self._touched.values():
            changes.take(row)
        new = self._number([*self._brought, *(fact for fact, _, _ in changes.facts_gone)])
        counts = changes.facets.changed()
        suffix, dialect = self._suffix, self._connection.dialect
        return [
            self._many(tables.UPSERT_RUN, changes.rows),
            self._many(tables.INSERT_ATTRIBUTE, new),
            self._many(tables.DELETE_RUN_ATTRIBUTE, self._numbered(changes.facts_gone)),
            self._many(tables.INSERT_RUN_ATTRIBUTE, sorted(self._numbered(changes.facts_come))),
            lambda connection: dialect.put_words(connection, suffix, changes.words),
            self._many(tables.DELETE_VALUE, changes.gone),
            lambda connection: dialect.put_values(connection, suffix, changes.come),
            self._many(tables.COUNT_FACET, counts),
            self._many(tables.DROP_FACET, [count[:4] for count in counts if count[4] < 0]),
            self._many(tables.UPSERT_EXPERIMENT, [(name, it.runs, it.active) for name, it in self._active.items()]),
        ]

    def _many(self, statement: str, values: Sequence[tuple[Any, ...]]) -> Callable[[Connection], object]:
        return many(statement.format(self._suffix), values)

    def _number(self, facts: Iterable[Attribute]) -> list[tuple[int, str, str, str]]:
        """Learn the numbers of facts; those that have none get the next ones, and are the answer."""
        unknown = dict.fromkeys(fact for fact in facts if fact not in self._numbers)
        marks = ", ".join([self._connection.dialect.text_mark] * 3)
        for kind, key, value, number in self._among(tables.SELECT_ATTRIBUTES, f"({marks})", list(unknown)):
            self._numbers[kind, key, value] = number
        new = []
        for fact in unknown:
            if fact not in self._numbers:
                self._last.attribute += 1
                self._numbers[fact] = self._last.attribute
                new.append((self._last.attribute, *fact))
        return new

    def _numbered(self, facts: Iterable[tuple[Attribute, int, int]]) -> list[tuple[int, int, int]]:
        return [(self._numbers[fact], created, run) for fact, created, run in facts]

    def _among(self, select: str, marks: str, wanted: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
        return among(self._connection, select.format(self._suffix, values="{values}"), marks, wanted)


_UNREAD = Row("", 0, 0, 0, 0, 0, {})
"""Stands for a run whose row was not found, or is still to be read."""
