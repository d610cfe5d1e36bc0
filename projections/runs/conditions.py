"""Conditions of a question: ways that lead to the runs that meet one, and a look at whether a run does.

Each way has `a.created` and `a.run`. The rarest condition leads, the others are looked up for each run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ledger.filters import MOMENTS, Filter, Operator, duration_of, microseconds_of, number_of
from ledger.metrics import Scalar
from projections.connection import Connection
from projections.dialect import Dialect
from projections.runs.attributes import Attribute, has_key, one, pair
from projections.runs.facets import WORKSPACE
from projections.runs.values import Value, orderable
from projections.runs.words import folded, sought
from projections.sql import Sql, upper
from schemas.limits import UNSTORABLE

COUNTED = 10_001
"""How far what meets a condition is counted: so many runs are put in the order of a page without a thought."""

FEW = 3_000
"""So many are sorted by a value as quickly as a page is found along the index of an order, at a million runs."""

_ALL = 1 << 60
"""For who did not count on: more than there are runs."""

_LATEST = (1 << 63) - 1
_WAYS = 50
"""The most ways that are merged in the order of a page."""

LiveMetrics = Mapping[int, Mapping[str, Scalar]]
"""By the number of a run that goes on: its last values, which no table of the view has."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`ways` lead to the runs that meet it, none of which meets another's; none for what leads nowhere.

    `probe` tells of run `a` whether it does; `bounded` too, of runs whose number lies between two that
    stand behind its parameters. What `narrows` is a stretch of any way. `ordered` ways give runs as they
    were created. `count` is how many meet it, or a number from `COUNTED` on.
    """

    probe: Sql
    ways: Sequence[Sql] = ()
    ordered: bool = False
    count: int = COUNTED
    bounded: Sql | None = None
    narrows: bool = False

    def probe_between(self, lowest: int, highest: int) -> Sql:
        """As `probe`, of runs with these numbers and those between."""
        if self.bounded is None:
            return self.probe
        return Sql(self.bounded.text, [*self.bounded.values, lowest, highest])

    @property
    def is_many(self) -> bool:
        """Whether more runs meet it than were counted."""
        return self.count >= COUNTED

    @property
    def leads(self) -> bool:
        """Whether a page can be read along its ways."""
        return bool(self.ways) and (self.ordered or not self.is_many)

    @property
    def is_few(self) -> bool:
        """Whether all runs that meet it are rather sorted than looked for along an order."""
        return bool(self.ways) and self.count < min(FEW, COUNTED)


NEVER = Condition(Sql("false"), (), count=0)
ALWAYS = Condition(Sql("true"))

_PROBE = """(SELECT 1 FROM run_attributes o
WHERE o.attribute IN ({marks}) AND o.created = a.created AND o.run = a.run LIMIT 1) IS NOT NULL"""
_IS_THERE = Sql(" LIMIT 1) IS NOT NULL")
"""Where EXISTS would do too: PostgreSQL makes a join of it, which it begins at the wrong end."""

_ATTRIBUTE_KINDS = {"experiment": "experiment", "submitter": "created_by", "run_type": "run_type", "target": "target"}
_PAIRS = {"tag": "tags", "property": "properties"}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Makes conditions from what is asked, with what the tables have now."""

    connection: Connection
    live: LiveMetrics = field(default_factory=dict)

    def any_of(self, wanted: Iterable[Attribute]) -> Condition:
        """A run has one of some facts, of which it can have one alone."""
        found = self._numbers(wanted)
        if not found:
            return NEVER
        numbers = [*found.values()]
        probe = Sql(_PROBE.format(marks=", ".join("?" * len(numbers))), numbers)
        ways = [Sql("run_attributes a WHERE a.attribute = ?", [number]) for number in numbers]
        count = sum(self._size(attribute, way) for attribute, way in zip(found, ways, strict=True))
        if len(ways) <= _WAYS:
            return Condition(probe, ways, ordered=True, count=count)
        marks = ", ".join("?" * len(numbers))
        return Condition(probe, [Sql(f"run_attributes a WHERE a.attribute IN ({marks})", numbers)], count=count)

    def search(self, words: str) -> Condition:
        """A run has words in its texts."""
        found = self._dialect.search(self.connection, sought(words), COUNTED)
        if found is None or not found.count:
            return NEVER
        return Condition(found.probe, [found.way], count=found.count, bounded=found.bounded)

    def of(self, chip: Filter) -> Condition:
        """What a chip asks for."""
        if chip.operator is not Operator.IS_NOT:
            return self._of(chip)
        probe = self._of(Filter(chip.field, Operator.IS, chip.values, chip.key)).probe
        return Condition(Sql(f"NOT {probe.text}", probe.values))

    def _of(self, chip: Filter) -> Condition:
        match chip.field:
            case "metric" | "parameter" | "name" | "started" | "ended" | "duration":
                return self._valued(chip)
            case "created":
                return Condition(_compared("a.created", chip, _bounds(chip), _LATEST), narrows=True)
            case "run_id":
                return self._run_ids(chip)
            case _ if chip.operator is Operator.STARTS_WITH:
                return self._beginning(chip)
            case _:
                return self.any_of(_wanted(chip))

    def _beginning(self, chip: Filter) -> Condition:
        """A text that begins like another: few such texts are looked up, of many each run is asked."""
        (prefix,) = chip.values
        among = _text("t.value", prefix)
        begin = Sql("attributes t WHERE t.kind = ? AND t.key = ? AND ", [chip.field, chip.key]) + among
        limited = Sql(" LIMIT ?", [_WAYS + 1])
        found = self.connection.execute(*(Sql("SELECT t.value FROM ") + begin + limited)).fetchall()
        if len(found) <= _WAYS:
            wanted = [value for (value,) in found]
            kind = chip.field
            return self.any_of(pair(kind, chip.key, value) if chip.key else one(kind, value) for value in wanted)
        way = Sql("attributes t CROSS JOIN run_attributes a WHERE a.attribute = t.attribute AND ")
        way += Sql("t.kind = ? AND t.key = ? AND ", [chip.field, chip.key]) + among
        return self._counted(Condition(self._begins(chip, prefix), [way]))

    def _run_ids(self, chip: Filter) -> Condition:
        by = (
            _text("a.run_id", chip.values[0])
            if chip.operator is Operator.STARTS_WITH
            else _among("a.run_id", chip.values)
        )
        probe = Sql("(SELECT 1 FROM runs r WHERE r.run = a.run AND ") + Sql(by.text.replace("a.", "r."), by.values)
        return self._counted(Condition(probe + _IS_THERE, [Sql("runs a WHERE ") + by]))

    def _valued(self, chip: Filter) -> Condition:
        """A value that the table of values has, or that a run which goes on has now."""
        by = self._asked("a", chip)
        probe = Sql("(SELECT 1 FROM run_values v WHERE v.run = a.run AND ") + self._asked("v", chip) + _IS_THERE
        live = [run for run, values in self.live.items() if chip.key in values and _holds(chip, values[chip.key])]
        if chip.field != "metric" or not live:
            return self._counted(Condition(probe, [Sql("run_values a WHERE ") + by]))
        going = self._dialect.among("a.run", live)
        either = Sql("(") + probe + Sql(" OR ") + going + Sql(")")
        return self._counted(Condition(either, [Sql("run_values a WHERE ") + by, Sql("runs a WHERE ") + going]))

    def _asked(self, alias: str, chip: Filter) -> Sql:
        """A row of the table of values is of the field, and has what is asked for."""
        field, place = Sql(f"{alias}.field = ?", [chip.name]), self._dialect.place(alias)
        match chip.operator:
            case Operator.HAS_KEY:
                return field
            case Operator.STARTS_WITH:
                prefix = folded(chip.values[0]) if chip.field == "name" else chip.values[0]
                asked = _text(place, prefix, self._dialect.placed)
            case Operator.IS if chip.field not in (*MOMENTS, "duration"):
                asked = _among(place, [self._dialect.placed(value) for value in _equal_values(chip)])
            case _:
                asked = _compared(place, chip, [self._dialect.placed(bound) for bound in _bounds(chip)], self._most)
        return field + Sql(" AND ") + asked

    def _begins(self, chip: Filter, prefix: str) -> Sql:
        """A look into the document of run `a`, where too many texts begin so to look each up."""
        if chip.key:
            pairs = self._dialect.pairs_of_state(_PAIRS[chip.field])
            select = f"(SELECT 1 FROM runs r, {pairs} WHERE r.run = a.run AND j.key = ? AND "
            return Sql(select, [chip.key]) + _text("j.value", prefix) + _IS_THERE
        text = _text(self._dialect.of_state(_ATTRIBUTE_KINDS[chip.field]), prefix)
        return Sql("(SELECT 1 FROM runs r WHERE r.run = a.run AND ") + text + _IS_THERE

    @property
    def _dialect(self) -> Dialect:
        return self.connection.dialect

    @property
    def _most(self) -> Any:
        """What no number is above: texts stand behind all numbers, and are none."""
        return self._dialect.placed(inf)

    def _counted(self, condition: Condition) -> Condition:
        count = min(sum(map(self._count, condition.ways)), COUNTED)
        return Condition(condition.probe, condition.ways, count=count) if count else NEVER

    def _size(self, attribute: Attribute, way: Sql) -> int:
        """How many runs have a fact: as they are counted for choosers, else as far as they are counted here."""
        select = "SELECT runs FROM facets WHERE scope = ? AND kind = ? AND key = ? AND value = ?"
        row = self.connection.execute(select, (WORKSPACE, *attribute)).fetchone()
        if row is not None:
            return int(row[0])
        count = self._count(way)
        return count if count < COUNTED else _ALL

    def _count(self, way: Sql) -> int:
        select = Sql("SELECT count(*) FROM (SELECT 1 FROM ") + way + Sql(" LIMIT ?) c", [COUNTED])
        return int(self.connection.execute(*select).fetchone()[0])

    def _numbers(self, wanted: Iterable[Attribute]) -> dict[Attribute, int]:
        select = "SELECT attribute FROM attributes WHERE kind = ? AND key = ? AND value = ?"
        storable = (attribute for attribute in dict.fromkeys(wanted) if not any(map(UNSTORABLE.search, attribute)))
        rows = ((attribute, self.connection.execute(select, attribute).fetchone()) for attribute in storable)
        return {attribute: int(row[0]) for attribute, row in rows if row is not None}


def _wanted(chip: Filter) -> list[Attribute]:
    """The facts of which a chip asks for one."""
    if chip.operator is Operator.HAS_KEY:
        return [has_key(chip.field, chip.key)]
    return [pair(chip.field, chip.key, value) if chip.key else one(chip.field, value) for value in chip.values]


def _equal_values(chip: Filter) -> list[Value]:
    """What a value that is asked for may be in the table: a number, a text, or either."""
    if chip.field == "name":
        return [folded(value) for value in chip.values]
    numbers: list[Value] = [number for value in chip.values if (number := number_of(value)) is not None]
    return numbers if chip.field == "metric" else [*numbers, *chip.values]


def _bounds(chip: Filter) -> list[Value]:
    if chip.field in MOMENTS:
        return list(map(microseconds_of, chip.values))
    if chip.field == "duration":
        return list(map(duration_of, chip.values))
    return [number_of(value) or 0 for value in chip.values]


def _compared(name: str, chip: Filter, bounds: Sequence[Any], most: Any) -> Sql:
    match chip.operator:
        case Operator.ABOVE:
            return Sql(f"{name} > ? AND {name} <= ?", [*bounds, most])
        case Operator.BELOW:
            return Sql(f"{name} < ?", bounds)
        case _:
            return Sql(f"{name} >= ? AND {name} <= ?", bounds)


def _among(name: str, values: Sequence[Any]) -> Sql:
    return Sql(f"{name} IN ({', '.join('?' * len(values))})", values)


def _text(name: str, prefix: str, placed: Callable[[str], Any] = lambda text: text) -> Sql:
    """A text begins like another."""
    begin, end = placed(prefix), upper(prefix)
    return Sql(f"{name} >= ?", [begin]) if end is None else Sql(f"{name} >= ? AND {name} < ?", [begin, placed(end)])


def _holds(chip: Filter, value: object) -> bool:
    """Whether the last value of a metric is one that a chip asks for, as the table would have it."""
    found = orderable(value)
    if found is None or chip.operator is Operator.HAS_KEY:
        return found is not None
    bounds = [number_of(text) or 0 for text in chip.values]
    return not isinstance(found, str) and _lies(chip.operator, found, bounds)


def _lies(operator: Operator, number: float, bounds: Sequence[float]) -> bool:
    match operator:
        case Operator.IS:
            return number in bounds
        case Operator.ABOVE:
            return number > bounds[0]
        case Operator.BELOW:
            return number < bounds[0]
        case _:
            return bounds[0] <= number <= bounds[1]
