"""What happens to a run."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.events.base import Count, Event, Maybe, Part, Personal, Sha256, Text
from schemas.events.logged import LoggedValue, NamedValues
from schemas.severities import Severity
from schemas.statuses import RunStatus


class GitOrigin(Part):
    """The state of the repository that the script ran from; `dirty` is None when unknown."""

    repository: Maybe[Personal] = None
    branch: Maybe[Text] = None
    commit: Maybe[Text] = None
    dirty: Maybe[bool] = None


class RunOrigin(Part):
    """Where an attempt runs: host, user and how to reach them, program.

    `restart` names one start of a job by its scheduler: while it runs, no earlier start of it does.
    """

    git: Maybe[GitOrigin] = None
    host: Maybe[Text] = None
    user: Maybe[Personal] = None
    email: Maybe[Personal] = None
    command_line: Maybe[list[Personal]] = None
    python: Maybe[Text] = None
    process_id: Maybe[Count] = None
    working_directory: Maybe[Personal] = None
    script: Maybe[Personal] = None
    restart: Maybe[Text] = None


class RunError(Part):
    """Why a run failed; `type` is the name of the exception's class."""

    code: Text
    message: Personal
    type: Maybe[Text] = None
    traceback: Maybe[Personal] = None


class SealedWriter(Part):
    """One writer's end: its last journal index, and the head of its stream."""

    writer: Text
    last: Count
    seq: Count
    hash: Sha256


class Seal(Part):
    """What a run had logged when it ended.

    Of writers beyond the cap only their number and one digest are kept; `truncated` is the number
    of last values that found no place.
    """

    writers: list[SealedWriter] = Field(default_factory=list)
    more_writers: Count = 0
    more_writers_digest: Maybe[Sha256] = None
    last_values: NamedValues = Field(default_factory=dict)
    truncated: Count = 0


class RunStartedEvent(Event):
    """A run began, or was created to begin later."""

    name: ClassVar[str] = "run.started"

    experiment: Text
    experiment_id: Text
    status: RunStatus = RunStatus.RUNNING
    run_type: Text = "runledger.run"
    target: Text = "local"
    display_name: Maybe[Personal] = None
    description: Maybe[Personal] = None
    tags: dict[Text, Personal | None] = Field(default_factory=dict)
    properties: dict[Text, Personal] = Field(default_factory=dict)
    parent_run_id: Maybe[Text] = None
    root_run_id: Maybe[Text] = None
    origin: RunOrigin = Field(default_factory=RunOrigin)


class RunTaggedEvent(Event):
    """A tag was set; None is a bare tag, which is not an empty one."""

    name: ClassVar[str] = "run.tagged"

    key: Text
    value: Personal | None


class RunUntaggedEvent(Event):
    """A tag was removed."""

    name: ClassVar[str] = "run.untagged"

    key: Text


class RunPropertyAddedEvent(Event):
    """A property was written, once and for all."""

    name: ClassVar[str] = "run.property-added"

    key: Text
    value: Personal


class RunParameterAddedEvent(Event):
    """A parameter was written, once and for all, with the type it was given in."""

    name: ClassVar[str] = "run.parameter-added"

    key: Text
    value: LoggedValue


class RunStatusChangedEvent(Event):
    """A run moved to another status; a terminal one brings the seal and the last log lines.

    `presumed` is a judgement from outside, without the run's own evidence; `certainty` says how
    the end is known.
    """

    name: ClassVar[str] = "run.status-changed"

    previous: RunStatus
    status: RunStatus
    error: Maybe[RunError] = None
    presumed: bool = False
    certainty: Maybe[Text] = None
    log_lines: list[Personal] = Field(default_factory=list)
    seal: Maybe[Seal] = None


class RunResumedEvent(Event):
    """Another attempt of an ended run began; the first attempt is 1."""

    name: ClassVar[str] = "run.resumed"

    attempt: Count
    previous: RunStatus
    origin: RunOrigin = Field(default_factory=RunOrigin)


class RunDescribedEvent(Event):
    """The fields named in `changed` were set, or cleared where they are None."""

    name: ClassVar[str] = "run.described"

    changed: tuple[Literal["description", "display_name"], ...]
    description: Maybe[Personal] = None
    display_name: Maybe[Personal] = None


class RunArtifactAddedEvent(Event):
    """A file of the run was stored; `size` is in bytes, `address` is where it lies below the place of files.

    `kind` says what it shows, and `metric` of which metric, such as an image of "Confusion".
    """

    name: ClassVar[str] = "run.artifact-added"

    artifact_name: Text
    size: Count
    sha256: Sha256
    address: Text
    content_type: Maybe[Text] = None
    kind: Maybe[Text] = None
    metric: Maybe[Text] = None


class RunWarnedEvent(Event):
    """Something about the run needs attention; `count` is how often it was seen so far."""

    name: ClassVar[str] = "run.warned"
    version: ClassVar[int] = 2

    source: Text
    code: Text
    message: Personal
    count: Count = 1

    @staticmethod
    def upcast_v1_v2(payload: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the message alone."""
        return {**payload, "source": "unknown", "code": "unknown", "count": 1}


class RunAlertedEvent(Event):
    """The script raised an alert, with a title, a text and a level."""

    name: ClassVar[str] = "run.alerted"

    title: Personal
    text: Personal = ""
    level: Severity = "warning"


class RunArchivedEvent(Event):
    """The run was hidden from lists."""

    name: ClassVar[str] = "run.archived"


class RunRestoredEvent(Event):
    """An archived run was shown again."""

    name: ClassVar[str] = "run.restored"
