"""What runs must meet, as ways that lead to those that do: the rarest condition leads, the others are looked up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.queries import ANY_VALUE, RunQuery
from projections.connection import Connection
from projections.runs.attributes import ARCHIVED, TOP_LEVEL, Attribute, has_key, one, pair
from projections.runs.conditions import Condition, Conditions, LiveMetrics
from projections.runs.span import span_of
from projections.runs.windows import Window
from projections.sql import Sql


@dataclass(frozen=True, slots=True)
class Source:
    """Tables that have runs: of those, the ones that meet `limits` too.

    `live` are the last values of runs that go on, for a query that asks for those of metrics. Without
    facets nobody has counted the runs.
    """

    connection: Connection
    live: LiveMetrics = field(default_factory=dict)
    limits: Sequence[Condition] = ()
    has_facets: bool = True


@dataclass(frozen=True, slots=True)
class Matches:
    """`ways` that lead to runs, none of which meets another's, and what these must meet beside."""

    ways: Sequence[Sql]
    conditions: Sequence[Condition]
    lead: Condition | None

    @property
    def few(self) -> bool:
        """Whether all are rather sorted than looked for along an order."""
        return self.lead is not None and self.lead.is_few

    @property
    def bounded(self) -> bool:
        """Whether the ways are short enough to be walked to their end."""
        return self.lead is not None and not self.lead.is_many

    @property
    def probe(self) -> Sql:
        """What tells of any run `a` whether it matches."""
        return _all(condition.probe for condition in self.conditions)

    @property
    def others(self) -> Sql:
        """What tells of a run on one of the ways whether it matches."""
        return _all(condition.probe for condition in self._asked)

    @property
    def whole(self) -> list[Sql]:
        """The ways to the runs that match, and to no others."""
        return [way + self.others for way in self.ways]

    def others_of(self, window: Window) -> Sql:
        """As `others`, of a run in a window."""
        return _all(condition.probe_between(window.lowest, window.highest) for condition in self._asked)

    @property
    def _asked(self) -> list[Condition]:
        return [each for each in self.conditions if each is not self.lead and not each.narrows]


def attributes_asked(query: RunQuery) -> list[list[Attribute]]:
    """What a run must have: one attribute of each list."""
    found = [[one("status", status) for status in query.statuses]] if query.statuses else []
    for kind, value in (
        ("experiment", query.experiment),
        ("run_type", query.run_type),
        ("target", query.target),
        ("parent_run_id", query.parent_run_id),
        ("root_run_id", query.root_run_id),
    ):
        if value is not None:
            found.append([one(kind, value)])
    for kind, wanted in (("tag", query.tags), ("property", query.properties)):
        for key, value in wanted.items():
            found.append([has_key(kind, key) if value == ANY_VALUE else pair(kind, key, value)])
    if not query.include_children and query.parent_run_id is None:
        found.append([TOP_LEVEL])
    return found


def matches_of(source: Source, query: RunQuery) -> Matches | None:
    """The ways to all runs that match; None if none can."""
    make = Conditions(source.connection, source.live)
    conditions = [make.any_of(wanted) for wanted in attributes_asked(query)]
    conditions += [*map(make.of, query.filters), *source.limits]
    if query.search is not None:
        conditions.append(make.search(query.search))
    if not all(condition.count for condition in conditions):
        return None
    if not query.include_archived and (archived := make.any_of([ARCHIVED])).count:
        conditions.append(Condition(Sql(f"NOT {archived.probe.text}", archived.probe.values)))
    if (span := span_of(query)) is not None:
        conditions.append(Condition(Sql("a.created >= ? AND a.created < ?", span), narrows=True))
    conditions.sort(key=lambda condition: condition.count)
    lead = next((condition for condition in conditions if condition.leads), None)
    stretch = _all(condition.probe for condition in conditions if condition.narrows)
    ways = lead.ways if lead else [Sql("runs a WHERE true")]
    return Matches([way + stretch for way in ways], conditions, lead)


def _all(probes: Iterable[Sql]) -> Sql:
    text, values = "", list[Any]()
    for probe in probes:
        text += f" AND {probe.text}"
        values += probe.values
    return Sql(text, values)
