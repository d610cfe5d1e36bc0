"""What an alert rule says: checked when it is saved, read in full or not at all."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from schemas.addresses import SUBMITTER, same_address, why_no_recipient
from schemas.conditions import CONDITIONS, AnyCondition, RulePart, check_contradictions, check_size
from schemas.events.base import Maybe, Text
from schemas.limits import Limits
from schemas.severities import Severity
from schemas.statuses import TERMINAL, RunStatus

DEFAULT_TO = (RunStatus.FAILED, RunStatus.NOT_RESPONDING)
"""What a person wants a mail about who says nothing else."""

RECIPIENTS = 50
_NAME_LENGTH = 200
_SUBJECT_LENGTH = 1_000
_TEMPLATE_LENGTH = 64_000
_GROUPED_BY = 10
_HOUR = 3_600
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
_YEAR = 366 * _DAY

_GLOB = re.compile(r"[\w*?-]+")
_ATTRIBUTE = re.compile(
    r"(?:experiment|run|parent|root|name|actor|status|error_code|run_type|target)|(?:tag|property|parameter):.+",
    re.DOTALL,
)

Seconds = Annotated[int, Field(ge=1, le=_YEAR)]


class Templates(RulePart):
    """Templates of the mail about one run; None is the built-in one."""

    subject: Annotated[Text, Field(max_length=_SUBJECT_LENGTH)] | None = None
    text: Annotated[Text, Field(max_length=_TEMPLATE_LENGTH)] | None = None
    html: Annotated[Text, Field(max_length=_TEMPLATE_LENGTH)] | None = None


class Retry(RulePart):
    """How often a mail that could not be sent is tried again, and when it is given up."""

    first_seconds: Annotated[int, Field(ge=1, le=_HOUR)] = 30
    longest_seconds: Annotated[int, Field(ge=1, le=_DAY)] = 1_800
    max_age_seconds: Annotated[int, Field(ge=60, le=_WEEK)] = _DAY

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.first_seconds > self.longest_seconds:
            raise ValueError("the first wait is longer than the longest")
        return self


class OnAlert(RulePart):
    """A script called `run.alert()`, at this level or a higher one."""

    what: Literal["alert"]
    level: Severity = "info"


class OnDescendant(RulePart):
    """A run below another changed its status; experiment and conditions are about the run at the top."""

    what: Literal["descendant"]


class OnUnfinished(RulePart):
    """An attempt of a run has not ended so long after it began."""

    what: Literal["unfinished"]
    seconds: Seconds


class OnStuck(RulePart):
    """A run has been in one of these statuses for so long, without another change."""

    what: Literal["stuck"]
    status: Annotated[tuple[RunStatus, ...], Field(min_length=1)]
    seconds: Seconds

    @model_validator(mode="after")
    def _check(self) -> Self:
        ended = [status for status in self.status if status in TERMINAL]
        if ended:
            raise ValueError(f"a run that is {ended[0]} has ended and is not stuck")
        return self


class OnMissing(RulePart):
    """No run of the experiment that meets the conditions has completed for so long."""

    what: Literal["missing"]
    seconds: Seconds


Occasion = Annotated[
    OnAlert | OnDescendant | OnUnfinished | OnStuck | OnMissing,
    Field(discriminator="what"),
]
"""What a rule is about that is not about a run's own change of status."""


class Grouping(RulePart):
    """Who is told of many things in one mail: those that have these attributes in common.

    The first mail comes `wait_seconds` after the first of them, the next, if there is more to tell,
    `interval_seconds` after the one before. With `repeat_seconds` what was told and is not over is
    told again, `repeats` times at most. With `resolved` it is told too that a run of the group has
    completed since. A run without one of the attributes (such as a run without a parent) is told of
    alone and at once.
    """

    by: Annotated[tuple[Text, ...], Field(max_length=_GROUPED_BY)] = ("experiment",)
    wait_seconds: Annotated[int, Field(ge=0, le=_DAY)] = 30
    interval_seconds: Annotated[int, Field(ge=0, le=_WEEK)] = 300
    repeat_seconds: Maybe[Annotated[int, Field(ge=60, le=_WEEK)]] = None
    repeats: Annotated[int, Field(ge=1, le=100)] = 5
    resolved: bool = False

    @field_validator("by")
    @classmethod
    def _check_by(cls, by: tuple[str, ...]) -> tuple[str, ...]:
        for attribute in by:
            if not _ATTRIBUTE.fullmatch(attribute):
                raise ValueError(
                    f"nothing can be grouped by {attribute!r}; by experiment, run, parent, root, name, actor, status, "
                    "error_code, run_type, target, or tag:KEY, property:KEY, parameter:KEY"
                )
        if len(set(by)) < len(by):
            raise ValueError("an attribute to group by is named twice")
        return by


class Throttle(RulePart):
    """At most so many mails in so many seconds, to each recipient or of the rule; what is over it, in one digest."""

    mails: Annotated[int, Field(ge=1, le=1_000)]
    seconds: Annotated[int, Field(ge=1, le=_WEEK)] = _HOUR
    per: Literal["recipient", "rule"] = "recipient"


class RuleDefinition(RulePart):
    """Which change of a run's status, or what else happens to runs, is told to whom.

    `experiment` is a glob pattern. `to` and `from` are the statuses after and before; without either
    it is `DEFAULT_TO`. `on` names another occasion than a change of the run's own status. With
    `run_id` the rule is about that run alone, and its children where `include_children` says so. All
    `conditions` must hold. A recipient is an address,
    `@submitter`, or `channel:NAME`, which the servers' settings say more of. What a writer reports more than
    `max_age_seconds` after it happened is told in one digest.
    """

    name: Annotated[Text, Field(min_length=1, max_length=_NAME_LENGTH)]
    recipients: Annotated[tuple[Text, ...], Field(max_length=RECIPIENTS, validate_default=True)] = ()
    experiment: Annotated[Text, Field(max_length=Limits().experiment_name_length)] = "*"
    to: tuple[RunStatus, ...] | None = None
    from_: tuple[RunStatus, ...] = Field(default=(), alias="from")
    on: Maybe[Occasion] = None
    conditions: Annotated[tuple[AnyCondition, ...], Field(max_length=CONDITIONS)] = ()
    include_children: bool = False
    run_id: Annotated[Text, Field(max_length=Limits().run_id_length)] | None = None
    severity: Maybe[Severity] = None
    group: Maybe[Grouping] = None
    throttle: Maybe[Throttle] = None
    max_age_seconds: Maybe[Annotated[int, Field(ge=60, le=_YEAR)]] = None
    templates: Templates = Templates()
    retry: Retry = Retry()

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not name.strip() or not name.isprintable():
            raise ValueError("the name is empty or holds a control character")
        return name

    @field_validator("recipients")
    @classmethod
    def _check_recipients(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        if not recipients:
            raise ValueError(f"there is no recipient; name an address, or {SUBMITTER} for who starts the run")
        for recipient in recipients:
            why = why_no_recipient(recipient)
            if why:
                raise ValueError(f"recipient {recipient!r} cannot be mailed: {why}")
        if len(set(map(same_address, recipients))) < len(recipients):
            raise ValueError("a recipient is named twice")
        return recipients

    @field_validator("experiment")
    @classmethod
    def _check_pattern(cls, pattern: str) -> str:
        if "[" not in pattern and not _GLOB.fullmatch(pattern):
            raise ValueError(
                f"no experiment has a name such as {pattern!r}: names hold letters, digits, '_' and '-', "
                "and a pattern '*' and '?' too"
            )
        return pattern

    @field_validator("conditions")
    @classmethod
    def _check_conditions(cls, conditions: tuple[AnyCondition, ...]) -> tuple[AnyCondition, ...]:
        check_size(conditions)
        check_contradictions(conditions)
        return conditions

    @model_validator(mode="after")
    def _check_occasion(self) -> Self:
        if self.to == () and not self.from_ and not self.at_other_times:
            raise ValueError("it names no status; say which ones in `to` or in `from`")
        if self.at_other_times and (self.to or self.from_):
            raise ValueError("what it is about is in `on`, and no change of status; leave out `to` and `from`")
        return self

    @property
    def at_other_times(self) -> bool:
        """Whether it is about something else than a change of a status."""
        return self.on is not None and not isinstance(self.on, OnDescendant)

    @property
    def statuses(self) -> tuple[RunStatus, ...]:
        """The statuses that it is about; none is any."""
        if self.at_other_times:
            return ()
        if self.to is None:
            return () if self.from_ else DEFAULT_TO
        return self.to

    @property
    def is_plain(self) -> bool:
        """Whether each thing it notices is a mail of its own, at once."""
        return self.group is None and self.throttle is None and self.max_age_seconds is None

    def as_written(self) -> dict[str, Any]:
        """What it says beyond the defaults, for a file."""
        found: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return found

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
        raise ValueError(first_error(error)) from None
    except (TypeError, RecursionError) as error:
        raise ValueError(f"it is not plain JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a place of a definition: `kind` is pydantic's name for it."""

    place: tuple[str | int, ...]
    kind: str
    text: str


def mistakes_in(content: Mapping[str, Any]) -> list[Mistake]:
    """All that is wrong with the rule that JSON describes, as far as it can be told at once."""
    try:
        RuleDefinition.model_validate_json(json.dumps(dict(content), allow_nan=False))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [Mistake(each["loc"], each["type"], _why(each)) for each in found]
    except (TypeError, ValueError, RecursionError) as error:
        return [Mistake((), "value_error", f"it is not plain JSON: {error}")]
    return []


def first_error(error: ValidationError) -> str:
    """What is wrong, in a sentence that names the place."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    why = _why(first)
    return f"{place}: {why}" if place and first["type"] != "value_error" else why


def _why(found: Mapping[str, Any]) -> str:
    return str(found.get("ctx", {}).get("error", found["msg"]))
