"""Commands to a run."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ledger.commands.base import Command, Parameter, command_class
from schemas.statuses import RunStatus


@command_class
class RunCommand(Command):
    """A command to one run."""

    run_id: str


@command_class
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


@command_class
class TagRun(RunCommand):
    """Set tags; None makes a bare tag."""

    tags: Mapping[str, str | None]


@command_class
class UntagRun(RunCommand):
    """Remove tags."""

    keys: Sequence[str]


@command_class
class AddProperties(RunCommand):
    """Add properties, each written once."""

    properties: Mapping[str, str]


@command_class
class AddParameters(RunCommand):
    """Add parameters, each written once."""

    parameters: Mapping[str, Parameter]


@command_class
class DescribeRun(RunCommand):
    """Set or clear `description` and `display_name`."""

    changes: Mapping[str, str | None]


@command_class
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


@command_class
class WarnRun(RunCommand):
    """Note that something about a run needs attention; `count` is how often it was seen so far."""

    source: str
    code: str
    message: str
    count: int = 1


@command_class
class AlertRun(RunCommand):
    """Raise an alert; the level is info, warning, error or critical."""

    title: str
    text: str = ""
    level: str = "warning"


@command_class
class AddArtifacts(RunCommand):
    """Give names to contents that were stored before.

    Each has `name`, `sha256` and `size`, and may have `content_type`, `kind` and `metric`.
    """

    artifacts: Sequence[Mapping[str, Any]]


@command_class
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
