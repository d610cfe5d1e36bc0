"""What a script, a person or a server may ask the ledger to do: plain data, light to import."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID, uuid4, uuid5

from schemas.roles import Role
from schemas.statuses import RunStatus

C = TypeVar("C")

Parameter = str | int | float | bool | None


def new_command_id() -> str:
    """An id for a command; sending it again with the same command is harmless."""
    return str(uuid4())


def derived_id(command: str, part: str) -> str:
    """The id of one part of a command that takes several appends."""
    return str(uuid5(UUID(command), part))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def _command(kind: type[C]) -> type[C]:
    """A frozen dataclass by keywords, whose methods are all inherited: made for each, they cost every start."""
    return dataclass(init=False, eq=False, repr=False)(kind)


@_command
class Command:
    """One thing to do to one stream; `occurred_at` is the caller's claim of when it was asked.

    `late` says that it comes from a journal: who asked is not there any more to be told of a refusal.
    """

    command: str = field(default_factory=new_command_id)
    reason: str | None = None
    on_behalf_of: str | None = None
    client: str | None = None
    occurred_at: datetime | None = None
    late: bool = False

    def __init__(self, **given: Any) -> None:
        """Take a value for each field that has no default."""
        missing = object()
        for item in self.__dataclass_fields__.values():
            value = given.pop(item.name, missing)
            if value is missing:
                value = item.default if item.default_factory is MISSING else item.default_factory()
            if value is MISSING:
                raise TypeError(f"{type(self).__name__} needs {item.name}")
            vars(self)[item.name] = value
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.command))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def digest(self) -> str:
        """32 hex digits that tell this command's content from any other's."""
        from hashlib import sha256  # noqa: PLC0415 - only where commands are decided

        # What has its default is left out, so that a field that comes later changes no digest.
        content = {
            item.name: value
            for item in fields(self)
            if item.name not in {"command", "late"} and (value := getattr(self, item.name)) != item.default
        }
        text = json.dumps([type(self).__name__, content], sort_keys=True, default=_plain, ensure_ascii=True)
        return sha256(text.encode()).hexdigest()[:32]


@_command
class ExperimentCommand(Command):
    """A command to one experiment, by its name."""

    name: str


@_command
class CreateExperiment(ExperimentCommand):
    """Get or create an experiment; with `reopen`, reactivate it if it is archived."""

    reopen: bool = False


@_command
class TagExperiment(ExperimentCommand):
    """Set tags; None makes a bare tag."""

    tags: Mapping[str, str | None]


@_command
class UntagExperiment(ExperimentCommand):
    """Remove tags."""

    keys: Sequence[str]


@_command
class DescribeExperiment(ExperimentCommand):
    """Set the description, or clear it by None."""

    description: str | None


class ArchiveExperiment(ExperimentCommand):
    """Hide an experiment from lists."""


class ReactivateExperiment(ExperimentCommand):
    """Show an archived experiment again."""


class DeleteExperiment(ExperimentCommand):
    """Give up an experiment that has no runs; its history stays."""


@_command
class RunCommand(Command):
    """A command to one run."""

    run_id: str


@_command
class StartRun(RunCommand):
    """Begin a run, in an experiment that is made if it is not there.

    With `resume`, a run that is there already is continued, as `ResumeRun` does.
    """

    experiment: str
    status: RunStatus = RunStatus.RUNNING
    run_type: str = "runledger.run"
    target: str = "local"
    display_name: str | None = None
    description: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    parent_run_id: str | None = None
    root_run_id: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False


@_command
class TagRun(RunCommand):
    """Set tags; None makes a bare tag."""

    tags: Mapping[str, str | None]


@_command
class UntagRun(RunCommand):
    """Remove tags."""

    keys: Sequence[str]


@_command
class AddProperties(RunCommand):
    """Add properties, each written once."""

    properties: Mapping[str, str]


@_command
class AddParameters(RunCommand):
    """Add parameters, each written once."""

    parameters: Mapping[str, Parameter]


@_command
class DescribeRun(RunCommand):
    """Set or clear `description` and `display_name`."""

    changes: Mapping[str, str | None]


@_command
class ChangeStatus(RunCommand):
    """Move a run to another status; `error` has code, message, type and traceback.

    With `begun_by`, the id of the command that began the run or its present attempt, nothing is
    done to another attempt; with `previous`, nothing is done to a run of another status.
    """

    status: RunStatus
    error: Mapping[str, str | None] | None = None
    certainty: str | None = None
    presumed: bool = False
    log_lines: Sequence[str] = ()
    begun_by: str | None = None
    previous: RunStatus | None = None


@_command
class WarnRun(RunCommand):
    """Note that something about a run needs attention; `count` is how often it was seen so far."""

    source: str
    code: str
    message: str
    count: int = 1


@_command
class AlertRun(RunCommand):
    """Raise an alert; the level is info, warning, error or critical."""

    title: str
    text: str = ""
    level: str = "warning"


@_command
class AddArtifacts(RunCommand):
    """Give names to contents that were stored before.

    Each has `name`, `sha256` and `size`, and may have `content_type`, `kind` and `metric`.
    """

    artifacts: Sequence[Mapping[str, Any]]


@_command
class ResumeRun(RunCommand):
    """Begin another attempt of a run that has ended, or that does not respond any more.

    A `restart` in its origin that the run has not seen yet says that all earlier attempts are over,
    also where nobody has recorded an end. A property that the run has with another value gets the
    number of the attempt behind its key.
    """

    origin: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


class ArchiveRun(RunCommand):
    """Hide a run from lists."""


class RestoreRun(RunCommand):
    """Show an archived run again."""


@_command
class RuleCommand(Command):
    """A command to one alert rule; its id is a UUID that the client chose."""

    rule_id: str


@_command
class DefineRule(RuleCommand):
    """Define an alert rule; `schemas.rules` says what a definition may hold."""

    definition: Mapping[str, Any]


@_command
class ChangeRule(RuleCommand):
    """Let an alert rule say something else from here on."""

    definition: Mapping[str, Any]


class EnableRule(RuleCommand):
    """Put a disabled alert rule into force again."""


class DisableRule(RuleCommand):
    """Put an alert rule out of force until it is enabled."""


class DeleteRule(RuleCommand):
    """Put an alert rule out of force for good; its history stays."""


@_command
class TestRule(RuleCommand):
    """Send the recipients of a rule a test, about a run if one is named."""

    __test__ = False  # it is no test of ours

    run_id: str | None = None


@_command
class SilenceCommand(Command):
    """A command to one silence; its id is a UUID that the client chose."""

    silence_id: str


@_command
class CreateSilence(SilenceCommand):
    """Let nobody be notified of what every matcher matches, until then.

    A matcher has `attribute`, `operator` (=, !=, =~, !~; the last two take * and ?) and `value`.
    """

    matchers: Sequence[Mapping[str, str]]
    until: datetime


@_command
class EndSilence(SilenceCommand):
    """End a silence before its time."""


@_command
class RecipientCommand(Command):
    """A command about one recipient of alerts, by the address in any case of letters."""

    recipient: str


@_command
class Unsubscribe(RecipientCommand):
    """Notify a recipient of one rule no more, or of none where `rule` is None."""

    rule: str | None = None


@_command
class Resubscribe(RecipientCommand):
    """Undo `Unsubscribe` for one rule, or whatever was unsubscribed where `rule` is None."""

    rule: str | None = None


@_command
class SuppressRecipient(RecipientCommand):
    """Send nothing to an address any more, since a mail to it came back for good."""

    notification: str | None = None
    status: str | None = None
    diagnostic: str | None = None


class UnsuppressRecipient(RecipientCommand):
    """Send to a suppressed address again."""


@_command
class UserCommand(Command):
    """A command to one user of a server, who is named in any case of letters."""

    user: str


@_command
class AddUser(UserCommand):
    """Let somebody use the server; one who was disabled may be added again."""

    role: Role
    email: str | None = None


@_command
class ChangeUser(UserCommand):
    """Set role and address; None leaves them as they are, an empty address is none."""

    role: Role | None = None
    email: str | None = None


class DisableUser(UserCommand):
    """Let somebody in no more; all tokens are void for good."""


@_command
class IssueToken(UserCommand):
    """Give a user a token; whoever drew it sends its id and its SHA-256 alone."""

    token_id: str
    token_hash: str
    label: str | None = None
    expires_at: datetime | None = None


@_command
class RevokeToken(UserCommand):
    """Void a token."""

    token_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: the position it can be read from, and whether anything changed."""

    position: int
    changed: bool


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
