"""What an alert rule says: checked when it is saved, read in full or not at all."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from schemas.addresses import SUBMITTER, same_address, why_no_recipient
from schemas.events.base import Text
from schemas.limits import Limits
from schemas.model import Model
from schemas.statuses import RunStatus

DEFAULT_TO = (RunStatus.FAILED, RunStatus.NOT_RESPONDING)
"""What a person wants a mail about who says nothing else."""

RECIPIENTS = 50
CONDITIONS = 50
_NAME_LENGTH = 200
_SUBJECT_LENGTH = 1_000
_TEMPLATE_LENGTH = 64_000
_HOUR = 3_600
_WEEK = 7 * 24 * _HOUR

_ORDERS = frozenset({"<", "<=", ">", ">="})
_GLOB = re.compile(r"[\w*?-]+")

Value = str | bool | int | float


class RulePart(Model):
    """Part of a rule. A field that this program does not know could narrow the rule, so it is refused."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True, allow_inf_nan=False, hide_input_in_errors=True)


class Condition(RulePart):
    """A condition on a tag, a property or a parameter; `!=` holds too where the key is missing."""

    of: Literal["tag", "property", "parameter"]
    key: Annotated[Text, Field(min_length=1, max_length=Limits().parameter_key_length)]
    operator: Literal["=", "!=", "exists", "<", "<=", ">", ">="] = "="
    value: Value | None = None

    def __str__(self) -> str:
        """For a person: `tag team = vision`."""
        return f"{self.of} {self.key} {self.operator}" + ("" if self.value is None else f" {self.value}")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.value is None) != (self.operator == "exists"):
            raise ValueError(f"{self}: `exists` takes no value and every other operator takes one")
        if self.operator in _ORDERS and not (self.of == "parameter" and is_number(self.value)):
            raise ValueError(f"{self}: {self.operator} compares numbers, which parameters alone can have")
        if self.of != "parameter" and not isinstance(self.value, str | None):
            raise ValueError(f"{self}: the value of a {self.of} is text")
        return self


class Templates(RulePart):
    """Templates of the mail; None is the built-in one."""

    subject: Annotated[Text, Field(max_length=_SUBJECT_LENGTH)] | None = None
    text: Annotated[Text, Field(max_length=_TEMPLATE_LENGTH)] | None = None
    html: Annotated[Text, Field(max_length=_TEMPLATE_LENGTH)] | None = None


class Retry(RulePart):
    """How often a mail that could not be sent is tried again, and when it is given up."""

    first_seconds: Annotated[int, Field(ge=1, le=_HOUR)] = 30
    longest_seconds: Annotated[int, Field(ge=1, le=24 * _HOUR)] = 1_800
    max_age_seconds: Annotated[int, Field(ge=60, le=_WEEK)] = 24 * _HOUR

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.first_seconds > self.longest_seconds:
            raise ValueError("the first wait is longer than the longest")
        return self


class RuleDefinition(RulePart):
    """Which change of a run's status is told to whom.

    `experiment` is a glob pattern. `to` and `from` are the statuses after and before; without either
    it is `DEFAULT_TO`. With `run_id` the rule is about that run alone, and its children where
    `include_children` says so. A recipient is an address,
    `@submitter`, or `channel:NAME`, which the servers' settings say more of.
    """

    name: Annotated[Text, Field(min_length=1, max_length=_NAME_LENGTH)]
    recipients: Annotated[tuple[Text, ...], Field(max_length=RECIPIENTS)] = ()
    experiment: Annotated[Text, Field(max_length=Limits().experiment_name_length)] = "*"
    to: tuple[RunStatus, ...] | None = None
    from_: tuple[RunStatus, ...] = Field(default=(), alias="from")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=CONDITIONS)] = ()
    include_children: bool = False
    run_id: Annotated[Text, Field(max_length=Limits().run_id_length)] | None = None
    templates: Templates = Templates()
    retry: Retry = Retry()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.name.strip() or not self.name.isprintable():
            raise ValueError("the name is empty or holds a control character")
        if not self.recipients:
            raise ValueError(f"there is no recipient; name an address, or {SUBMITTER} for who starts the run")
        for recipient in self.recipients:
            why = why_no_recipient(recipient)
            if why:
                raise ValueError(f"recipient {recipient!r} cannot be mailed: {why}")
        if len(set(map(same_address, self.recipients))) < len(self.recipients):
            raise ValueError("a recipient is named twice")
        if self.to == () and not self.from_:
            raise ValueError("it names no status; say which ones in `to` or in `from`")
        _check_pattern(self.experiment)
        _check_contradictions(self.conditions)
        return self

    @property
    def statuses(self) -> tuple[RunStatus, ...]:
        """The statuses that it is about; none is any."""
        if self.to is None:
            return () if self.from_ else DEFAULT_TO
        return self.to

    def as_json(self) -> dict[str, Any]:
        """All it says, defaults too: a later version may have others."""
        found: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return found | {"to": [str(status) for status in self.statuses]}


def definition_of(content: Mapping[str, Any]) -> RuleDefinition:
    """The rule that JSON describes.

    Raises:
        ValueError: it can not be, or never match; the text is a sentence that says why.
    """
    try:
        return RuleDefinition.model_validate_json(json.dumps(dict(content), allow_nan=False))
    except ValidationError as error:
        raise ValueError(_first(error)) from None
    except (TypeError, RecursionError) as error:
        raise ValueError(f"it is not plain JSON: {error}") from None


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
            return is_number(found) and _in_order(found, order, wanted)


def _in_order(found: Any, order: str, wanted: Any) -> bool:
    match order:
        case "<":
            return bool(found < wanted)
        case "<=":
            return bool(found <= wanted)
        case ">":
            return bool(found > wanted)
        case _:
            return bool(found >= wanted)


def _check_pattern(pattern: str) -> None:
    if "[" not in pattern and not _GLOB.fullmatch(pattern):
        raise ValueError(
            f"no experiment has a name such as {pattern!r}: names hold letters, digits, '_' and '-', "
            "and a pattern '*' and '?' too"
        )


def _check_contradictions(conditions: Iterable[Condition]) -> None:
    by_key: dict[tuple[str, str], list[Condition]] = {}
    for condition in conditions:
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
                if _in_order(low, ">", high) or (same_value(low, high) and not touching):
                    return lower, upper
    return None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    why = str(first.get("ctx", {}).get("error", first["msg"]))
    return f"{place}: {why}" if place and first["type"] != "value_error" else why
