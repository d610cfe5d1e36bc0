"""Conditions of an alert rule: a typed tree over what is known of a run when something happens to it."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from schemas.events.base import Text
from schemas.limits import Limits
from schemas.model import Model
from schemas.statuses import RunStatus

CONDITIONS = 50
"""The most conditions of a rule, those inside others too."""

DEPTH = 8
"""How deep conditions may lie in one another."""

LAST_ENDS = 100
"""How many ended runs of an experiment a rule may look back on."""

_TEXT_LENGTH = 1_000
_ORDERS = frozenset({"<", "<=", ">", ">="})
_NUMBERED = frozenset({"parameter", "metric"})

Value = str | bool | int | float
Order = Literal["<", "<=", ">", ">="]


class RulePart(Model):
    """Part of a rule. A field that this program does not know could narrow the rule, so it is refused."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True, allow_inf_nan=False, hide_input_in_errors=True)


class Condition(RulePart):
    """A condition on a tag, a property, a parameter or the last value of a metric at the run's end.

    `!=` holds too where the key is missing.
    """

    of: Literal["tag", "property", "parameter", "metric"]
    key: Annotated[Text, Field(min_length=1, max_length=Limits().metric_name_length)]
    operator: Literal["=", "!=", "exists", "<", "<=", ">", ">="] = "="
    value: Value | None = None

    def __str__(self) -> str:
        """For a person: `tag team = vision`."""
        return f"{self.of} {self.key} {self.operator}" + ("" if self.value is None else f" {self.value}")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.value is None) != (self.operator == "exists"):
            raise ValueError(f"{self}: `exists` takes no value and every other operator takes one")
        if self.operator in _ORDERS and not (self.of in _NUMBERED and is_number(self.value)):
            raise ValueError(f"{self}: {self.operator} compares numbers, which parameters and metrics alone can have")
        if self.of not in _NUMBERED and not isinstance(self.value, str | None):
            raise ValueError(f"{self}: the value of a {self.of} is text")
        return self


class TextCondition(RulePart):
    """A condition on one text of the run: `name` is the display name, or the id where there is none.

    `glob` knows `*` and `?`. `regex` is found anywhere in the text; it has neither look-around nor
    back references, so it takes time in proportion to the text.
    """

    of: Literal["experiment", "run", "name", "actor", "run_type", "target", "error_code", "error_type"]
    operator: Literal["=", "!=", "glob", "regex"] = "="
    value: Annotated[Text, Field(min_length=1, max_length=_TEXT_LENGTH)]

    def __str__(self) -> str:
        """For a person: `name glob sweep-*`."""
        return f"{self.of} {self.operator} {self.value}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.operator == "regex":
            try:
                regex(self.value)
            except SchemaError as error:
                why = re.sub(r"\s+", " ", str(error))[:300]
                raise ValueError(f"{self}: this is no regular expression: {why}") from None
        return self


class DurationCondition(RulePart):
    """How long the run took, from the start of its attempt to the change."""

    of: Literal["duration"]
    operator: Order = ">="
    seconds: Annotated[float, Field(ge=0)]

    def __str__(self) -> str:
        """For a person: `duration >= 60 s`."""
        return f"duration {self.operator} {self.seconds:g} s"


class FlagCondition(RulePart):
    """Whether the run is a child of another, or its change was presumed from outside."""

    of: Literal["child", "presumed"]
    value: bool = True

    def __str__(self) -> str:
        """For a person: `child = true`."""
        return f"{self.of} = {str(self.value).lower()}"


class StatusCondition(RulePart):
    """The change itself: the status after and before; none is any."""

    of: Literal["status"]
    to: tuple[RunStatus, ...] = ()
    from_: tuple[RunStatus, ...] = Field(default=(), alias="from")

    def __str__(self) -> str:
        """For a person: `status Running -> Failed`."""
        return f"status {' or '.join(self.from_) or 'any'} -> {' or '.join(self.to) or 'any'}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.to and not self.from_:
            raise ValueError("a condition on the status names statuses in `to` or in `from`")
        return self


class SeriesCondition(RulePart):
    """At least so many of the last ended runs of the experiment ended so: `3 of 3` is three in a row.

    It holds for the run that makes it true and not for those after it, until it was false again.
    """

    of: Literal["series"]
    at_least: Annotated[int, Field(ge=1, le=LAST_ENDS)]
    last: Annotated[int, Field(ge=1, le=LAST_ENDS - 1)]
    status: Annotated[tuple[RunStatus, ...], Field(min_length=1)] = (RunStatus.FAILED,)

    def __str__(self) -> str:
        """For a person: `3 of the last 5 runs Failed`."""
        return f"{self.at_least} of the last {self.last} runs {' or '.join(self.status)}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least > self.last:
            raise ValueError(f"{self}: there are never so many among so few")
        return self


class DescendantsCondition(RulePart):
    """At least so many runs below this one have failed so far."""

    of: Literal["descendants"]
    at_least: Annotated[int, Field(ge=1)] = 1

    def __str__(self) -> str:
        """For a person: `1 failed descendants`."""
        return f"{self.at_least} failed descendants"


class AllOf(RulePart):
    """Every one of these holds."""

    of: Literal["all"]
    conditions: Annotated[tuple["AnyCondition", ...], Field(min_length=1, max_length=CONDITIONS)]

    def __str__(self) -> str:
        """For a person."""
        return f"({' and '.join(map(str, self.conditions))})"


class AnyOf(RulePart):
    """At least one of these holds."""

    of: Literal["any"]
    conditions: Annotated[tuple["AnyCondition", ...], Field(min_length=1, max_length=CONDITIONS)]

    def __str__(self) -> str:
        """For a person."""
        return f"({' or '.join(map(str, self.conditions))})"


class Not(RulePart):
    """This does not hold."""

    of: Literal["not"]
    condition: "AnyCondition"

    def __str__(self) -> str:
        """For a person."""
        return f"not {self.condition}"


AnyCondition = Annotated[
    Condition
    | TextCondition
    | DurationCondition
    | FlagCondition
    | StatusCondition
    | SeriesCondition
    | DescendantsCondition
    | AllOf
    | AnyOf
    | Not,
    Field(discriminator="of"),
]

for _tree in (AllOf, AnyOf, Not):
    _tree.model_rebuild()


def leaves(conditions: Iterable[AnyCondition]) -> Iterator[AnyCondition]:
    """Every condition that holds no other."""
    for condition in conditions:
        match condition:
            case AllOf() | AnyOf():
                yield from leaves(condition.conditions)
            case Not():
                yield from leaves([condition.condition])
            case _:
                yield condition


def certain(conditions: Iterable[AnyCondition]) -> Iterator[AnyCondition]:
    """The leaves that must hold whatever else does."""
    for condition in conditions:
        if isinstance(condition, AllOf):
            yield from certain(condition.conditions)
        elif not isinstance(condition, AnyOf | Not):
            yield condition


def check_size(conditions: Iterable[AnyCondition], depth: int = 1) -> int:
    """How many conditions there are in all; raises ValueError if they are too many or too deep."""
    if depth > DEPTH:
        raise ValueError(f"conditions lie in one another more than {DEPTH} deep")
    count = 0
    for condition in conditions:
        count += 1
        if isinstance(condition, AllOf | AnyOf):
            count += check_size(condition.conditions, depth + 1)
        elif isinstance(condition, Not):
            count += check_size([condition.condition], depth + 1)
    if count > CONDITIONS:
        raise ValueError(f"there are more than {CONDITIONS} conditions")
    return count


@lru_cache(maxsize=1_000)
def regex(pattern: str) -> SchemaValidator:
    """A pattern as pydantic's own engine has it: it takes time in proportion to the text, whatever the pattern.

    Raises:
        SchemaError: it is no pattern.
    """
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def is_number(value: object) -> bool:
    """Whether a value has a place in the order of numbers: a truth value has none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def same_value(one: object, other: object) -> bool:
    """Whether two values are equal: 1 and 1.0 are, 1 and True and "1" are not."""
    return one == other and (is_number(one), type(one) is bool) == (is_number(other), type(other) is bool)


def holds(condition: Condition, found: object) -> bool:
    """Whether a value that is there meets a condition on its key."""
    wanted = condition.value
    match condition.operator:
        case "exists":
            return True
        case "=":
            return same_value(wanted, found)
        case "!=":
            return not same_value(wanted, found)
        case order:
            return is_number(found) and in_order(found, order, wanted)


def in_order(found: Any, order: str, wanted: Any) -> bool:
    """Whether a number stands in an order to another."""
    match order:
        case "<":
            return bool(found < wanted)
        case "<=":
            return bool(found <= wanted)
        case ">":
            return bool(found > wanted)
        case _:
            return bool(found >= wanted)


def check_contradictions(conditions: Iterable[AnyCondition]) -> None:
    """Raise ValueError if the conditions that must all hold never do."""
    by_key: dict[tuple[str, str], list[Condition]] = {}
    for condition in certain(conditions):
        if isinstance(condition, Condition):
            by_key.setdefault((condition.of, condition.key), []).append(condition)
    for together in by_key.values():
        wrong = _contradiction(together)
        if wrong:
            raise ValueError(f"it can never match: {wrong[0]} contradicts {wrong[1]}")


def _contradiction(conditions: list[Condition]) -> tuple[Condition, Condition] | None:
    for fixed in conditions:
        if fixed.operator == "=":
            for other in conditions:
                if not holds(other, fixed.value):
                    return fixed, other
    return _empty_range(conditions)


def _empty_range(conditions: list[Condition]) -> tuple[Condition, Condition] | None:
    for lower in conditions:
        for upper in conditions:
            if lower.operator in {">", ">="} and upper.operator in {"<", "<="}:
                low, high = lower.value or 0, upper.value or 0
                touching = lower.operator == ">=" and upper.operator == "<="
                if in_order(low, ">", high) or (same_value(low, high) and not touching):
                    return lower, upper
    return None
