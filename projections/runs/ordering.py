"""The order of a list of runs, where it is not the usual one."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from ledger.errors import InvalidNameError
from ledger.queries import ORDERS
from projections.dialect import Dialect
from projections.runs.values import Value
from projections.sql import Sql

_PAIRS = {"tag": "tags", "property": "properties"}
_METRIC = "metric"
_VALUES = {"end": "ended", "duration": "duration", "name": "name"}
_OF_STATE = {"status": "status", "experiment": "experiment"}


class Placed(NamedTuple):
    """A run in an order: its value, None if it has none, then when it was created, and its number."""

    value: Value | None
    created: int
    run: int

    @property
    def key(self) -> tuple[Any, ...]:
        """What those with a value are compared by: numbers stand before texts, as in SQLite."""
        return (isinstance(self.value, str), self.value, self.created, self.run)


class Way(NamedTuple):
    """A way along an index to runs that have a value: the column of it, and the one by which it is compared."""

    value: str
    place: str
    placed: Callable[[Value], Any] = lambda value: value
    read: Callable[[Any], Value] = lambda stored: stored


class Order(NamedTuple):
    """By what runs are ordered; `key` is the name of a metric, parameter, tag or property.

    Upwards, runs of one value come as they were created, downwards the newest first. Runs without
    a value come last, the newest first.
    """

    field: str
    key: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an order such as `-metric.loss`.

        Raises:
            InvalidNameError: runs have no such order.
        """
        descending = text.startswith("-")
        field, dot, key = text.removeprefix("-").partition(".")
        named = {_METRIC, "parameter", *_PAIRS}
        if (field in ORDERS and not dot) or (field in named and key):
            return cls(field, key, descending)
        known = ", ".join([*ORDERS, *(f"{name}.NAME" for name in sorted(named))])
        raise InvalidNameError(f"runs cannot be ordered by {text!r}; they can by {known}, with - before it in reverse")

    @property
    def metric(self) -> str | None:
        """The metric whose last value counts, if it is one."""
        return self.key if self.field == _METRIC else None

    @property
    def is_by_start(self) -> bool:
        """Whether runs come as they were created, or the other way round."""
        return self.field == "start"

    @property
    def is_usual(self) -> bool:
        """Whether it is the order that a list has anyway."""
        return self.is_by_start and self.descending

    @property
    def down(self) -> str:
        """The word of SQL."""
        return "DESC" if self.descending else "ASC"

    @property
    def beyond(self) -> str:
        """How what comes behind a place compares with it."""
        return "<" if self.descending else ">"

    def way(self, dialect: Dialect) -> Way:
        """The way along an index to all runs that have a value."""
        if self.valued is None:
            return Way("t.value", "t.value")
        return Way("a.value", dialect.place("a"), dialect.placed, dialect.value)

    def along(self, dialect: Dialect, conditions: Sql, limit: int) -> Sql:
        """The value, `created` and number of the first runs `a` on that way that meet conditions."""
        if self.valued is None:
            return dialect.along_facts(self.field, self.key, conditions, self.down, limit)
        way = self.way(dialect)
        found = Sql(f"SELECT {way.value}, a.created, a.run FROM run_values a WHERE a.field = ?", [self.valued])
        order = f" ORDER BY {way.place} {self.down}, a.created {self.down}, a.run {self.down} LIMIT ?"
        return found + conditions + Sql(order, [limit])

    def value(self, dialect: Dialect) -> Sql:
        """The value of run `a` as it is stored; NULL if it has none."""
        field = self.valued
        if field is not None:
            return Sql("(SELECT v.value FROM run_values v WHERE v.run = a.run AND v.field = ?)", [field])
        if self.field in _PAIRS:
            text = f"SELECT j.value FROM runs r, {dialect.pairs_of_state(_PAIRS[self.field])} WHERE r.run = a.run"
            return Sql(f"({text} AND j.key = ?)", [self.key])
        return Sql(f"(SELECT {dialect.of_state(_OF_STATE[self.field])} FROM runs r WHERE r.run = a.run)")

    def read(self, dialect: Dialect, stored: Any) -> Value | None:
        """A value as it was before it was stored."""
        found: Value | None = stored if stored is None or self.valued is None else dialect.value(stored)
        return found

    def sorted(self, runs: Sequence[Placed]) -> list[Placed]:
        """Runs in this order."""
        valued = sorted(
            (run for run in runs if run.value is not None), key=lambda run: run.key, reverse=self.descending
        )
        valueless = (run for run in runs if run.value is None)
        return valued + sorted(valueless, key=lambda run: run[1:], reverse=self._newest_first)

    def follows(self, run: Placed, place: Placed) -> bool:
        """Whether a run comes behind a place."""
        if run.value is None or place.value is None:
            beyond = run[1:] < place[1:] if self._newest_first else run[1:] > place[1:]
            return run.value is None and (place.value is not None or beyond)
        return run.key < place.key if self.descending else run.key > place.key

    @property
    def _newest_first(self) -> bool:
        """How runs without a value come: by start, none has one."""
        return self.descending or not self.is_by_start

    @property
    def valued(self) -> str | None:
        """The field of the table of values that it goes by, if it goes by one."""
        if self.field in {_METRIC, "parameter"}:
            return f"{self.field}.{self.key}"
        return _VALUES.get(self.field)
