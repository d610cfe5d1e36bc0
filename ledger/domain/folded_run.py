"""A run as its events make it; what may happen to it next is decided in run.py."""

from datetime import UTC, datetime
from typing import NamedTuple

from ledger.commands import Parameter
from ledger.domain.aggregate import Decided, LedgerAggregate
from ledger.errors import RunNotFoundError
from schemas.events import (
    Event,
    RunArchivedEvent,
    RunArtifactAddedEvent,
    RunDescribedEvent,
    RunError,
    RunOrigin,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunRestoredEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    RunWarnedEvent,
    readable,
)
from schemas.statuses import RunStatus


class Asked(NamedTuple):
    """Who asked for the run to be canceled, why, and in which event."""

    event_id: str
    actor: str
    reason: str | None


class FoldedRun(LedgerAggregate):
    """The state of a run, through every attempt."""

    experiment: str
    experiment_id: str
    status: RunStatus
    attempt: int
    display_name: str | None
    description: str | None
    parent_run_id: str | None
    root_run_id: str | None
    error: RunError | None
    archived: bool
    begun_by: str | None
    begun_at: datetime
    origin: RunOrigin
    asked: Asked | None
    presumed: bool
    restarts: set[str]
    warned: dict[tuple[str, str], int]
    tags: dict[str, str | None]
    properties: dict[str, str]
    parameters: dict[str, Parameter]
    artifacts: dict[str, str]

    def begin_state(self) -> None:
        """The state of a run that has not started."""
        self.experiment = self.experiment_id = ""
        self.status = RunStatus.NOT_STARTED
        self.attempt = 1
        self.display_name = self.description = None
        self.parent_run_id = self.root_run_id = None
        self.error = None
        self.archived = self.presumed = False
        self.restarts = set()
        self.begun_by = self.asked = None
        self.begun_at, self.origin = datetime.fromtimestamp(0, UTC), RunOrigin()
        self.warned = {}
        self.tags, self.properties, self.parameters, self.artifacts = {}, {}, {}, {}

    def apply(self, event: Event) -> None:
        """Take in an event, in whatever order a stranger may have written them."""
        match event:
            case RunStartedEvent():
                self._apply_start(event)
            case RunTaggedEvent():
                self.tags[event.key] = readable(event.value)
            case RunUntaggedEvent():
                self.tags.pop(event.key, None)
            case RunPropertyAddedEvent():
                self.properties.setdefault(event.key, readable(event.value))
            case RunParameterAddedEvent():
                self.parameters.setdefault(event.key, event.value)
            case RunStatusChangedEvent():
                error = None if self.presumed else self.error
                self.status, self.error, self.presumed = event.status, event.error or error, event.presumed
                self.asked = None
            case RunResumedEvent():
                self.status, self.attempt, self.error = RunStatus.RUNNING, event.attempt, None
                self.begun_by, self.presumed = event.command, False
                self._remember_restart(event.origin)
                self.origin, self.asked = event.origin, None
            case RunDescribedEvent():
                for field in event.changed:
                    setattr(self, field, readable(getattr(event, field)))
            case _:
                self._apply_rest(event)

    def _apply_rest(self, event: Event) -> None:
        match event:
            case RunArtifactAddedEvent():
                self.artifacts[event.artifact_name] = event.sha256
            case RunWarnedEvent():
                self.warned[event.source, event.code] = event.count
            case RunArchivedEvent() | RunRestoredEvent():
                self.archived = isinstance(event, RunArchivedEvent)
            case _:
                pass

    def fold(self, decided: Decided) -> None:
        """Take in an event, and of some who caused it and when."""
        super().fold(decided)
        match decided.body:
            case RunStartedEvent() | RunResumedEvent():
                self.begun_at = decided.timestamp
            case RunStatusChangedEvent(status=RunStatus.CANCEL_REQUESTED, reason=reason):
                self.asked = Asked(decided.event_id, decided.actor, readable(reason))
            case _:
                pass

    def _apply_start(self, event: RunStartedEvent) -> None:
        self.experiment, self.experiment_id = event.experiment, event.experiment_id
        self.begun_by, self.origin = event.command, event.origin
        self._remember_restart(event.origin)
        self.status = event.status
        self.display_name, self.description = readable(event.display_name), readable(event.description)
        self.parent_run_id, self.root_run_id = event.parent_run_id, event.root_run_id
        self.tags = {key: readable(value) for key, value in event.tags.items()}
        self.properties = {key: readable(value) for key, value in event.properties.items()}

    def _remember_restart(self, origin: RunOrigin) -> None:
        if origin.restart is not None:
            self.restarts.add(origin.restart)

    def required(self) -> None:
        """Raise RunNotFoundError unless there is such a run."""
        if not self.exists:
            raise RunNotFoundError(self.key)
