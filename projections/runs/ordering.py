"""The order of a list of runs, where it is not the usual one."""

from typing import NamedTuple, Self

from ledger.errors import InvalidNameError
from ledger.queries import ORDERS

_PAIRS = {"parameter": "parameters", "tag": "tags", "property": "properties"}
_METRIC = "metric"
_VALUES = {
    "start": "r.created",
    "end": "json_extract(r.state, '$.ended')",
    "duration": "json_extract(r.state, '$.ended') - coalesce(json_extract(r.state, '$.started'), r.created)",
    "name": "coalesce(json_extract(r.state, '$.display_name'), r.run_id) COLLATE NOCASE",
    "status": "json_extract(r.state, '$.status')",
    "experiment": "json_extract(r.state, '$.experiment')",
}


class Order(NamedTuple):
    """By what runs are ordered; `key` is the name of a metric, parameter, tag or property."""

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
        named = {_METRIC, *_PAIRS}
        if (field in ORDERS and not dot) or (field in named and key):
            return cls(field, key, descending)
        known = ", ".join([*ORDERS, *(f"{name}.NAME" for name in sorted(named))])
        raise InvalidNameError(f"runs cannot be ordered by {text!r}; they can by {known}, with - before it in reverse")

    @property
    def metric(self) -> str | None:
        """The metric whose last value counts, if it is one."""
        return self.key if self.field == _METRIC else None

    @property
    def is_usual(self) -> bool:
        """Whether it is the order that a list has anyway."""
        return self.field == "start" and self.descending

    def value(self) -> str:
        """The SQL for a run's value; it takes the parameters of `parameters`."""
        if self.field == _METRIC:
            return "(SELECT value FROM metric_values WHERE run_id = r.run_id)"
        if self.field in _PAIRS:
            return f"(SELECT value FROM json_each(r.state, '$.{_PAIRS[self.field]}') WHERE key = ?)"
        return _VALUES[self.field]

    def parameters(self) -> list[str]:
        """What the SQL of `value` asks for."""
        return [self.key] if self.field in _PAIRS else []
