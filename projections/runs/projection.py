"""From events to rows of the run table."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic_core import from_json, to_json

from ledger.feed import Feed, FeedEvent
from projections.connection import Connection, Document
from projections.runs import tables
from projections.runs.attributes import Attribute, attributes_brought_by, attributes_of
from projections.runs.changed import fork_of, known_of_run
from projections.runs.facets import FacetCounts
from projections.runs.state import RunState, apply_event, moment
from projections.runs.values import Value, Values, metrics_told, values_of
from projections.runs.words import words_of
from schemas.events import ExperimentCreatedEvent, RunResumedEvent, RunStatusChangedEvent
from schemas.streams import run_stream

_CHUNK = 300
_EARLIEST = -(1 << 63)
_RUN = run_stream("")


class RunsProjection:
    """A row a run; attributes are numbered in the order of events, so that any replay numbers alike."""

    name: str = "runs"
    version: int = 7
    tables: tuple[str, ...] = tables.TABLES

    def schema(self, suffix: str) -> str:
        """The tables of one generation."""
        return tables.schema(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: Connection, suffix: str) -> None:
        """Take in events: each run that they touch is read once and written once."""
        rows = _Rows(connection, suffix)
        rows.load(_run_ids(events))
        for event in events:
            if event.envelope.stream.startswith(_RUN):
                rows.take(event)
            elif isinstance(event.event, ExperimentCreatedEvent):
                rows.count(event.event.experiment, 0, moment(event))
        rows.write()

    def forget(self, erased: FeedEvent, feed: Feed, connection: Connection, suffix: str) -> None:
        """Fold an erased run anew, and drop the facts that no run has any more."""
        stream = erased.envelope.stream
        if stream.startswith(_RUN):
            rows = _Rows(connection, suffix)
            rows.load([run_id := stream.removeprefix(_RUN)])
            rows.fold_again(run_id, known_of_run(feed, run_id, erased.position))
            rows.write()
            connection.execute(tables.DROP_UNUSED.format(suffix))


@dataclass(slots=True)
class _Row:
    run: int
    created: int
    number: int
    first: int
    latest: int
    state: RunState
    before: set[Attribute] = field(default_factory=set)
    words: str = ""
    values: Values = field(default_factory=dict)
    experiment: str = ""
    parent: str | None = None
    known: Values | None = None
    """Those of its metrics that the tables have; None as long as nobody had to ask."""
    metrics: Values | None = None
    """Those of its metrics now, if an event of the batch may have changed them."""

    def begin(self, run_id: str) -> None:
        """Note what the tables have of the run."""
        self.before = set(attributes_of(self.state))
        self.words, self.values = words_of(run_id, self.state), values_of(run_id, self.state)
        self.experiment, self.parent = self.state["experiment"], self.state.get("parent_run_id")


@dataclass(slots=True)
class _Experiment:
    """Its number of runs, and when something last happened to one of them, in microseconds."""

    runs: int = 0
    active: int = 0


@dataclass(slots=True)
class _Changes:
    """What is written: what differs from what the tables have."""

    facts_gone: list[tuple[Attribute, int, int]] = field(default_factory=list)
    facts_come: list[tuple[Attribute, int, int]] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    come: list[tuple[int, str, Value, int]] = field(default_factory=list)
    facets: FacetCounts = field(default_factory=FacetCounts)

    def take(self, row: _Row, run_id: str) -> None:
        """Take in a run."""
        facts = attributes_of(row.state)
        after, before = set(facts), row.before
        self.facts_gone += [(fact, row.created, row.run) for fact in before - after]
        self.facts_come += [(fact, row.created, row.run) for fact in after - before]
        self._take_values(row, values_of(run_id, row.state))
        if before:
            self.facets.count([*before, *_names(row.known)], row.experiment, row.parent, -1)
        self.facets.count([*facts, *_names(row.metrics)], row.state["experiment"], row.state.get("parent_run_id"), 1)

    def _take_values(self, row: _Row, values: Values) -> None:
        before = row.values
        if row.metrics is not None:
            before, values = before | (row.known or {}), values | row.metrics
        self.gone += [(row.run, name) for name in before if name not in values]
        self.come += [
            (row.run, name, value, row.created) for name, value in values.items() if not _is_same(before, name, value)
        ]


def _run_ids(events: Iterable[FeedEvent]) -> list[str]:
    streams = dict.fromkeys(event.envelope.stream for event in events)
    return [stream.removeprefix(_RUN) for stream in streams if stream.startswith(_RUN)]


class _Rows:
    """The rows that one batch touches, between reading and writing them."""

    def __init__(self, connection: Connection, suffix: str) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._suffix = suffix
        self._rows: dict[str, _Row] = {}
        self._experiments: dict[str, _Experiment] = {}
        self._brought: dict[Attribute, None] = {}
        """The facts that events may have added, in the order in which new ones are numbered."""
        self._last_run, self._latest = self._newest()

    def load(self, run_ids: Sequence[str]) -> None:
        found = self._among(tables.SELECT_RUNS, "?", [(run_id,) for run_id in run_ids])
        for run_id, run, created, number, first, latest, text in found:
            row = self._rows[run_id] = _Row(run, created, number, first, latest, from_json(text))
            row.begin(run_id)

    def take(self, event: FeedEvent) -> None:
        run_id = event.envelope.stream[len(_RUN) :]
        row = self._rows.get(run_id) or self._new(run_id, event)
        state = row.state
        unnamed = not state.get("experiment")
        brings = attributes_brought_by if state else _all_attributes
        apply_event(state, event)
        if state["experiment"]:
            number = self.count(state["experiment"], int(unnamed), moment(event))
            row.number = number if unnamed else row.number
        if unnamed or isinstance(event.event, RunStatusChangedEvent | RunResumedEvent):
            self._take_metrics(row, event)
        self._brought.update(dict.fromkeys(brings(event, state)))

    def fold_again(self, run_id: str, events: Sequence[FeedEvent]) -> None:
        """Make a run that the tables have from all of its events."""
        row = self._rows[run_id]
        row.known = self._metrics_of(row)
        row.state, row.metrics = {}, {}
        for event in events:
            apply_event(row.state, event)
            self._take_metrics(row, event)
        self._brought.update(dict.fromkeys(attributes_of(row.state)))

    def count(self, experiment: str, more: int, at: int) -> int:
        """The number of runs of an experiment, with so many more, of which something happened at a moment."""
        if experiment not in self._experiments:
            row = self._connection.execute(
                f"SELECT runs, active FROM experiments{self._suffix} WHERE name = ?", (experiment,)
            ).fetchone()
            self._experiments[experiment] = _Experiment(*(row or ()))
        known = self._experiments[experiment]
        known.runs, known.active = known.runs + more, max(known.active, at)
        return known.runs

    def _take_metrics(self, row: _Row, happened: FeedEvent) -> None:
        if row.known is None:
            row.known = row.metrics = self._metrics_of(row)
        told = metrics_told(happened.event)
        row.metrics = row.metrics if told is None else told

    def _metrics_of(self, row: _Row) -> Values:
        found = self._connection.execute(tables.SELECT_METRICS.format(self._suffix), (row.run,))
        return {field: self._dialect.value(stored) for field, stored in found.fetchall()}

    def write(self) -> None:
        rows, words = [], []
        changes = _Changes()
        for run_id, row in self._rows.items():
            last = row.state["last_position"]
            places = (row.first, last, fork_of(row.first, last), row.latest)
            rows.append((row.run, run_id, row.created, row.number, *places, Document(to_json(row.state).decode())))
            found = words_of(run_id, row.state)
            words += [(row.run, found)] if found != row.words else []
            changes.take(row, run_id)
        self._many(tables.UPSERT_RUN, rows)
        self._write_facts(changes)
        self._dialect.put_words(self._connection, self._suffix, words)
        self._many(tables.DELETE_VALUE, changes.gone)
        self._dialect.put_values(self._connection, self._suffix, changes.come)
        counts = changes.facets.changed()
        self._many(tables.COUNT_FACET, counts)
        self._many(tables.DROP_FACET, [count[:4] for count in counts if count[4] < 0])
        self._many(tables.UPSERT_EXPERIMENT, [(name, it.runs, it.active) for name, it in self._experiments.items()])

    def _write_facts(self, changes: _Changes) -> None:
        numbers = self._numbers(dict.fromkeys([*self._brought, *(fact for fact, _, _ in changes.facts_gone)]))
        gone = [(numbers[fact], created, run) for fact, created, run in changes.facts_gone]
        come = [(numbers[fact], created, run) for fact, created, run in changes.facts_come]
        self._many(tables.DELETE_RUN_ATTRIBUTE, gone)
        self._many(tables.INSERT_RUN_ATTRIBUTE, sorted(come))

    def _numbers(self, facts: Collection[Attribute]) -> dict[Attribute, int]:
        """The numbers of facts; those that have none get the next ones."""
        marks = ", ".join([self._dialect.text_mark] * 3)
        known = self._among(tables.SELECT_ATTRIBUTES, f"({marks})", facts)
        found = {(kind, key, value): number for kind, key, value, number in known}
        last = self._last("attribute", "attributes")
        new = {fact: number for number, fact in enumerate((fact for fact in facts if fact not in found), last + 1)}
        self._many(tables.INSERT_ATTRIBUTE, [(number, *fact) for fact, number in new.items()])
        return found | new

    def _among(self, select: str, marks: str, wanted: Collection[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """What a statement finds for what is wanted, so many at a time."""
        waiting = iter(wanted)
        while chunk := list(islice(waiting, _CHUNK)):
            values = ", ".join([marks] * len(chunk))
            statement = select.format(self._suffix, values=values)
            yield from self._connection.execute(statement, [part for each in chunk for part in each])

    def _many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        self._connection.executemany(statement.format(self._suffix), values)

    def _new(self, run_id: str, event: FeedEvent) -> _Row:
        created = moment(event)
        self._last_run, self._latest = self._last_run + 1, max(self._latest, created)
        row = self._rows[run_id] = _Row(
            self._last_run, created, 0, event.position, self._latest, {}, known={}, metrics={}
        )
        return row

    def _newest(self) -> tuple[int, int]:
        select = f"SELECT run, latest FROM runs{self._suffix} ORDER BY run DESC LIMIT 1"
        return self._connection.execute(select).fetchone() or (0, _EARLIEST)

    def _last(self, column: str, table: str) -> int:
        row = self._connection.execute(f"SELECT coalesce(max({column}), 0) FROM {table}{self._suffix}").fetchone()
        return int(row[0])


def _names(metrics: Values | None) -> list[Attribute]:
    return [("metric key", name.removeprefix("metric."), "") for name in metrics or ()]


def _is_same(before: Values, name: str, value: Value) -> bool:
    # 1 and 1.0 are one value for Python, and two for a table.
    return name in before and before[name] == value and type(before[name]) is type(value)


def _all_attributes(_: FeedEvent, state: RunState) -> list[Attribute]:
    # All facts of a new run get their numbers at its first event, wherever a batch ends.
    return attributes_of(state)
