"""A run between reading and writing its rows: what the tables have of it, and what they shall have."""

from dataclasses import dataclass, field

from pydantic_core import to_json

from projections.connection import Document
from projections.runs.attributes import Attribute, attributes_of
from projections.runs.changed import fork_of
from projections.runs.facets import FacetCounts
from projections.runs.state import RunState
from projections.runs.values import Value, Values, values_of
from projections.runs.words import words_of

_Fact = tuple[Attribute, int, int]


@dataclass(slots=True)
class Row:
    """A run; `before`, `words`, `values`, `experiment` and `parent` are what the tables have."""

    run_id: str
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

    def begin(self) -> None:
        """Note what the tables have of the run, as it was read."""
        self.before = set(attributes_of(self.state))
        self.words, self.values = words_of(self.run_id, self.state), values_of(self.run_id, self.state)
        self.experiment, self.parent = self.state["experiment"], self.state.get("parent_run_id")

    def columns(self) -> tuple[object, ...]:
        """The row of the table of runs."""
        last = self.state["last_position"]
        places = (self.first, last, fork_of(self.first, last), self.latest)
        return (self.run, self.run_id, self.created, self.number, *places, Document(to_json(self.state).decode()))


@dataclass(slots=True)
class RowChanges:
    """What is written of the runs of a batch: what differs from what the tables have."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)
    facts_gone: list[_Fact] = field(default_factory=list)
    facts_come: list[_Fact] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    come: list[tuple[int, str, Value, int]] = field(default_factory=list)
    facets: FacetCounts = field(default_factory=FacetCounts)

    def take(self, row: Row) -> None:
        """Take in a run, which is then as the tables will have it."""
        self.rows.append(row.columns())
        self._take_words(row)
        self._take_facts(row)
        self._take_values(row)
        row.experiment, row.parent = row.state["experiment"], row.state.get("parent_run_id")
        if row.metrics is not None:
            row.known, row.metrics = row.metrics, None

    def _take_words(self, row: Row) -> None:
        words = words_of(row.run_id, row.state)
        if words != row.words:
            self.words.append((row.run, words))
            row.words = words

    def _take_facts(self, row: Row) -> None:
        after, before = set(attributes_of(row.state)), row.before
        gone, come = before - after, after - before
        self.facts_gone += [(fact, row.created, row.run) for fact in gone]
        self.facts_come += [(fact, row.created, row.run) for fact in come]
        known, metrics = (row.known or {}, row.metrics) if row.metrics is not None else ({}, {})
        if before and (row.experiment, row.parent) != (row.state["experiment"], row.state.get("parent_run_id")):
            gone, come = before, after
        else:
            known, metrics = _without(known, metrics), _without(metrics, known)
        if gone or known:
            self.facets.count([*gone, *_names(known)], row.experiment, row.parent, -1)
        self.facets.count([*come, *_names(metrics)], row.state["experiment"], row.state.get("parent_run_id"), 1)
        row.before = after

    def _take_values(self, row: Row) -> None:
        values = after = values_of(row.run_id, row.state)
        before = row.values
        if row.metrics is not None:
            before, after = before | (row.known or {}), after | row.metrics
        self.gone += [(row.run, name) for name in before if name not in after]
        self.come += [
            (row.run, name, value, row.created) for name, value in after.items() if not _is_same(before, name, value)
        ]
        row.values = values


def _names(metrics: Values) -> list[Attribute]:
    return [("metric key", name.removeprefix("metric."), "") for name in metrics]


def _without(some: Values, others: Values) -> Values:
    return {name: value for name, value in some.items() if name not in others}


def _is_same(before: Values, name: str, value: Value) -> bool:
    # 1 and 1.0 are one value for Python, and two for a table.
    return name in before and before[name] == value and type(before[name]) is type(value)
