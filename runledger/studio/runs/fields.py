"""What the filter form offers: fields of runs, how each is compared, and what its value is typed into."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from ledger.errors import InvalidNameError
from ledger.filters import KEYED_OPERATORS, MOMENTS, OPERATORS, Filter, Operator
from ledger.queries import VALUE_KINDS

FIELDS = (*OPERATORS, *KEYED_OPERATORS)


@dataclass(frozen=True, slots=True)
class FilterDraft:
    """A filter that is being made: what is known of it so far."""

    field: str
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()

    @classmethod
    def parse(cls, asked: QueryParams) -> "FilterDraft":
        """What the form has sent; an unknown field is taken for the first."""
        field = asked.get("field", "")
        return cls(
            field if field in FIELDS else FIELDS[0],
            asked.get("key", "").strip(),
            asked.get("operator", ""),
            tuple(value.strip() for value in asked.getlist("value") if value.strip()),
        )

    @property
    def operators(self) -> tuple[Operator, ...]:
        """How the field can be compared."""
        return OPERATORS.get(self.field) or KEYED_OPERATORS[self.field]

    @property
    def keyed(self) -> bool:
        """Whether the field needs a key."""
        return self.field in KEYED_OPERATORS

    @property
    def input(self) -> str:
        """What values are typed into: `status`, `moment`, or `text`."""
        if self.field == "status":
            return "status"
        return "moment" if self.field in MOMENTS else "text"

    @property
    def completes(self) -> bool:
        """Whether values are offered while one is typed."""
        return self.field in VALUE_KINDS or self.keyed

    def is_complete(self) -> bool:
        """Whether it can be made a filter of."""
        ready = self.operator == Operator.HAS_KEY or bool(self.values)
        return ready and bool(self.operator) and (bool(self.key) or not self.keyed)

    def chip(self) -> Filter:
        """The filter; raises InvalidNameError, which says what is wrong with it."""
        if self.operator not in self.operators:
            raise InvalidNameError(f"{self.field} cannot be compared by {self.operator!r}")
        operator = Operator(self.operator)
        return Filter(self.field, operator, () if operator is Operator.HAS_KEY else self._values(), self.key)

    def _values(self) -> tuple[str, ...]:
        """Several values may be typed with commas between them, where one of them is enough."""
        if self.operator in {Operator.IS, Operator.IS_NOT, Operator.BETWEEN}:
            return tuple(part.strip() for value in self.values for part in value.split(",") if part.strip())
        return self.values
