"""From events to rows of the run table."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json

from ledger.feed import FeedEvent
from projections.runs import tables
from projections.runs.attributes import Attribute, attributes_brought_by, attributes_of
from projections.runs.facets import Facet, facets_of
from projections.runs.state import RunState, apply_event, moment
from projections.runs.values import Value, Values, metric_values, values_of
from projections.runs.words import words_of
from schemas.events import ExperimentCreatedEvent, RunResumedEvent, RunStatusChangedEvent, Seal
from schemas.streams import run_stream

_CHUNK = 500
_RUN = run_stream("")


class RunsProjection:
    """A row a run; attributes are numbered in the order of events, so that any replay numbers alike."""

    name: str = "runs"
    version: int = 5
    tables: tuple[str, ...] = tables.TABLES

    def schema(self, suffix: str) -> str:
        """The tables of one generation."""
        return tables.schema(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: sqlite3.Connection, suffix: str) -> None:
        """Take in events: each run that they touch is read once and written once."""
        rows = _Rows(connection, suffix)
        rows.load(_run_ids(events))
        for event in events:
            if event.envelope.stream.startswith(_RUN):
                rows.take(event)
            elif isinstance(event.event, ExperimentCreatedEvent):
                rows.count(event.event.experiment, 0, moment(event))
        rows.write()


@dataclass(slots=True)
class _Row:
    run: int
    created: int
    number: int
    state: RunState
    before: set[int] = field(default_factory=set)
    words: str = ""
    values: Values = field(default_factory=dict)
    facets: set[Facet] = field(default_factory=set)
    experiment: str = ""
    metrics: Values | None = None
    """Those of its metrics now, if an event of the batch may have changed them."""

    def begin(self, run_id: str, facts: list[Attribute]) -> None:
        """Note what the tables have of the run."""
        self.words, self.experiment = words_of(run_id, self.state), self.state["experiment"]
        self.values, self.facets = values_of(run_id, self.state), self.counted(facts, {})

    def counted(self, facts: list[Attribute], metrics: Values) -> set[Facet]:
        """What the run is counted by, given all its facts and the values of its metrics."""
        return facets_of([*facts, *_names(metrics)], self.state["experiment"], self.state.get("parent_run_id"))

    def know(self, metrics: Values) -> None:
        """Note what the tables have of its metrics."""
        self.values |= metrics
        self.facets |= facets_of(_names(metrics), self.experiment, None)
        self.metrics = metrics


@dataclass(slots=True)
class _Experiment:
    """Its number of runs, and when something last happened to one of them, in microseconds."""

    runs: int = 0
    active: int = 0


@dataclass(slots=True)
class _Changes:
    """What is written of values and facets: what differs from what the tables have."""

    gone: list[tuple[int, str]] = field(default_factory=list)
    come: list[tuple[int, str, Value, int]] = field(default_factory=list)
    facets: Counter[Facet] = field(default_factory=Counter)

    def take(self, row: _Row, run_id: str, facts: list[Attribute]) -> None:
        """Take in a run."""
        metrics = row.metrics or {}
        values = values_of(run_id, row.state) | metrics
        before = row.values
        self.gone += [(row.run, name) for name in before if name not in values]
        self.come += [
            (row.run, name, value, row.created) for name, value in values.items() if not _is_same(before, name, value)
        ]
        counted = row.counted(facts, metrics)
        self.facets.update(counted - row.facets)
        self.facets.subtract(row.facets - counted)


def _run_ids(events: Iterable[FeedEvent]) -> list[str]:
    streams = dict.fromkeys(event.envelope.stream for event in events)
    return [stream.removeprefix(_RUN) for stream in streams if stream.startswith(_RUN)]


class _Rows:
    """The rows that one batch touches, between reading and writing them."""

    def __init__(self, connection: sqlite3.Connection, suffix: str) -> None:
        self._connection = connection
        self._suffix = suffix
        self._rows: dict[str, _Row] = {}
        self._numbers: dict[Attribute, int] = {}
        self._experiments: dict[str, _Experiment] = {}
        self._made: list[tuple[int, str, str, str]] = []
        self._last_run = self._last("run", "runs")
        self._last_attribute = self._last("attribute", "attributes")

    def load(self, run_ids: Sequence[str]) -> None:
        for start in range(0, len(run_ids), _CHUNK):
            chunk = run_ids[start : start + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            found = self._connection.execute(
                f"SELECT run_id, run, created, number, state FROM runs{self._suffix} WHERE run_id IN ({marks})", chunk
            )
            for run_id, run, created, number, text in found:
                row = _Row(run, created, number, from_json(text))
                facts = attributes_of(row.state)
                row.before = self._numbered(facts)
                row.begin(run_id, facts)
                self._rows[run_id] = row

    def take(self, event: FeedEvent) -> None:
        run_id = event.envelope.stream.removeprefix(_RUN)
        row = self._rows.get(run_id) or self._new(run_id, event)
        unnamed = not row.state.get("experiment")
        brings = attributes_brought_by if row.state else _all_attributes
        apply_event(row.state, event)
        if row.state["experiment"]:
            number = self.count(row.state["experiment"], int(unnamed), moment(event))
            row.number = number if unnamed else row.number
        self._take_metrics(row, event, unnamed=unnamed)
        self._numbered(brings(event, row.state))

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

    def _take_metrics(self, row: _Row, happened: FeedEvent, *, unnamed: bool) -> None:
        match happened.event:
            case RunStatusChangedEvent(seal=Seal() as seal):
                self._know_metrics(row)
                row.metrics = metric_values(seal.last_values)
            case RunResumedEvent():
                # They move again: until the run ends they are asked of what it logs.
                self._know_metrics(row)
                row.metrics = {}
            case _ if unnamed:
                self._know_metrics(row)
            case _:
                pass

    def _know_metrics(self, row: _Row) -> None:
        """Read what the table has of a run's metrics, once and only where that may change."""
        if row.metrics is None:
            found = self._connection.execute(tables.SELECT_METRICS.format(self._suffix), (row.run,))
            row.know(dict(found.fetchall()))

    def write(self) -> None:
        rows, gone, come, words = [], [], [], []
        changes = _Changes()
        for run_id, row in self._rows.items():
            rows.append((row.run, run_id, row.created, row.number, _text(row.state)))
            facts = attributes_of(row.state)
            after = self._numbered(facts)
            gone += [(attribute, row.created, row.run) for attribute in row.before - after]
            come += [(attribute, row.created, row.run) for attribute in after - row.before]
            found = words_of(run_id, row.state)
            words += [(row.run, found)] if found != row.words else []
            changes.take(row, run_id, facts)
        self._many(tables.INSERT_ATTRIBUTE, self._made)
        self._many(tables.UPSERT_RUN, rows)
        self._many(tables.DELETE_RUN_ATTRIBUTE, gone)
        self._many(tables.INSERT_RUN_ATTRIBUTE, sorted(come))
        self._many(tables.REPLACE_WORDS, words)
        self._many(tables.DELETE_VALUE, changes.gone)
        self._many(tables.UPSERT_VALUE, changes.come)
        counts = [(*facet, count) for facet, count in changes.facets.items() if count]
        self._many(tables.COUNT_FACET, sorted(counts))
        self._many(tables.DROP_FACET, [count[:4] for count in counts if count[4] < 0])
        self._many(tables.UPSERT_EXPERIMENT, [(name, it.runs, it.active) for name, it in self._experiments.items()])

    def _many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        self._connection.executemany(statement.format(self._suffix), values)

    def _new(self, run_id: str, event: FeedEvent) -> _Row:
        self._last_run += 1
        row = self._rows[run_id] = _Row(self._last_run, moment(event), 0, {})
        return row

    def _numbered(self, attributes: Iterable[Attribute]) -> set[int]:
        known = self._numbers
        return {known.get(attribute) or self._number(attribute) for attribute in attributes}

    def _number(self, attribute: Attribute) -> int:
        number = self._numbers[attribute] = self._find(attribute) or self._make(attribute)
        return number

    def _find(self, attribute: Attribute) -> int | None:
        row = self._connection.execute(
            f"SELECT attribute FROM attributes{self._suffix} WHERE kind = ? AND key = ? AND value = ?", attribute
        ).fetchone()
        return int(row[0]) if row else None

    def _make(self, attribute: Attribute) -> int:
        self._last_attribute += 1
        self._made.append((self._last_attribute, *attribute))
        return self._last_attribute

    def _last(self, column: str, table: str) -> int:
        row = self._connection.execute(f"SELECT coalesce(max({column}), 0) FROM {table}{self._suffix}").fetchone()
        return int(row[0])


def _names(metrics: Values) -> list[Attribute]:
    return [("metric key", name.removeprefix("metric."), "") for name in metrics]


def _is_same(before: Values, name: str, value: Value) -> bool:
    # 1 and 1.0 are one value for Python, and two for a table.
    return name in before and before[name] == value and type(before[name]) is type(value)


def _all_attributes(_: FeedEvent, state: RunState) -> list[Attribute]:
    # All facts of a new run get their numbers at its first event, wherever a batch ends.
    return attributes_of(state)


def _text(state: RunState) -> str:
    return to_json(state).decode()
