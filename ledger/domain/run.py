"""The Run aggregate: what may happen to a run, and what it is after its events."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ledger.commands import AlertRun, ChangeStatus, Parameter, StartRun, WarnRun
from ledger.domain.aggregate import LedgerAggregate, changed_keys
from ledger.domain.names import check_count, check_experiment_name, check_key, check_length, check_run_id
from ledger.domain.statuses import allowed_from, may_change
from ledger.errors import BadValueError, RefusedError, RunNotFoundError, StatusRefusedError, WrittenOnceError
from schemas.events import (
    Event,
    RunAlertedEvent,
    RunArchivedEvent,
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
    Seal,
    readable,
)
from schemas.limits import Limits
from schemas.severities import SEVERITIES
from schemas.statuses import TERMINAL, RunStatus


class Run(LedgerAggregate):
    """One run, from its start through every attempt."""

    kind = "run"

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
    presumed: bool
    warned: dict[tuple[str, str], int]
    tags: dict[str, str | None]
    properties: dict[str, str]
    parameters: dict[str, Parameter]

    def begin_state(self) -> None:
        """The state of a run that has not started."""
        self.experiment = self.experiment_id = ""
        self.status = RunStatus.NOT_STARTED
        self.attempt = 1
        self.display_name = self.description = None
        self.parent_run_id = self.root_run_id = None
        self.error = None
        self.archived = self.presumed = False
        self.begun_by = None
        self.warned = {}
        self.tags, self.properties, self.parameters = {}, {}, {}

    def start(self, command: StartRun, experiment_id: str, limits: Limits) -> None:
        """Begin the run; an id begins once (parity B4)."""
        check_run_id(self.key, limits)
        check_experiment_name(command.experiment, limits)
        if self.exists:
            raise RefusedError(
                f"there is a run {self.key} already (in experiment {self.experiment}, {self.status}); "
                "choose another run_id, or continue it with resume='allow'"
            )
        _check_texts(command.display_name, command.description, limits)
        _check_pairs("tag", command.tags, limits.tag_key_length, limits.tag_value_length)
        _check_pairs("property", command.properties, limits.property_key_length, limits.property_value_length)
        check_count("tags", len(command.tags), limits.tags)
        check_count("properties", len(command.properties), limits.properties)
        self.decide(
            RunStartedEvent,
            experiment=command.experiment,
            experiment_id=experiment_id,
            status=command.status,
            run_type=command.run_type,
            target=command.target,
            display_name=command.display_name,
            description=command.description,
            tags=dict(command.tags),
            properties=dict(command.properties),
            parent_run_id=command.parent_run_id,
            root_run_id=command.root_run_id or self.key,
            origin=RunOrigin.model_validate(dict(command.origin)),
        )

    def tag(self, tags: Mapping[str, str | None], limits: Limits) -> None:
        """Set tags; a value of None is a bare tag (parity F3, F4). Ended runs take tags too."""
        self._required()
        _check_pairs("tag", tags, limits.tag_key_length, limits.tag_value_length)
        check_count("tags", len(self.tags.keys() | tags.keys()), limits.tags)
        for key, value in changed_keys(self.tags, tags).items():
            self.decide(RunTaggedEvent, key=key, value=value)

    def untag(self, keys: Iterable[str]) -> None:
        """Remove tags; a key that is not there is nothing to do."""
        self._required()
        for key in dict.fromkeys(keys):
            if key in self.tags:
                self.decide(RunUntaggedEvent, key=key)

    def add_properties(self, properties: Mapping[str, str], limits: Limits) -> None:
        """Add properties, each written once; the same value again is nothing to do (parity F2)."""
        self._required()
        _check_pairs("property", properties, limits.property_key_length, limits.property_value_length)
        _check_written_once("property", self.properties, properties)
        check_count("properties", len(self.properties.keys() | properties.keys()), limits.properties)
        for key, value in changed_keys(self.properties, properties).items():
            self.decide(RunPropertyAddedEvent, key=key, value=value)

    def add_parameters(self, parameters: Mapping[str, Parameter], limits: Limits) -> None:
        """Add parameters, written once like properties, numbers kept as numbers."""
        self._required()
        for key, value in parameters.items():
            check_key("parameter", key, limits.parameter_key_length)
            check_length(f"parameter {key!r}", str(value), limits.parameter_value_length)
        _check_written_once("parameter", self.parameters, parameters)
        check_count("parameters", len(self.parameters.keys() | parameters.keys()), limits.parameters)
        for key, value in changed_keys(self.parameters, parameters).items():
            self.decide(RunParameterAddedEvent, key=key, value=value)

    def describe(self, changes: Mapping[str, str | None], limits: Limits) -> None:
        """Set or clear `description` and `display_name`, at any status (parity E1)."""
        self._required()
        _check_texts(changes.get("display_name"), changes.get("description"), limits)
        before = {"description": self.description, "display_name": self.display_name}
        changed = changed_keys(before, changes)
        if changed:
            self.decide(RunDescribedEvent, changed=tuple(sorted(changed)), **changed)

    def change_status(self, command: ChangeStatus, limits: Limits, seal: Callable[[], Seal]) -> None:
        """Move forward in the table of 3.B; the same status again is nothing to do.

        A presumed end may be corrected by the run's own evidence. `seal` is asked for at an end.
        """
        self._required()
        status = command.status
        if command.begun_by is not None and command.begun_by != self.begun_by:
            raise RefusedError(f"run {self.key} is at attempt {self.attempt}, which another process began")
        confirms = self.presumed and status in TERMINAL and not command.presumed
        if status == self.status and not confirms:
            return
        if not confirms and not may_change(self.status, status):
            raise StatusRefusedError(self.key, self.status, status, allowed_from(self.status))
        self.decide(
            RunStatusChangedEvent,
            previous=self.status,
            status=status,
            error=_error(command.error, limits),
            certainty=command.certainty,
            presumed=command.presumed,
            log_lines=_last_lines(command.log_lines, limits),
            seal=seal() if status in TERMINAL else None,
        )

    def warn(self, command: WarnRun, limits: Limits) -> None:
        """Note what needs attention; a count that is not higher than before is nothing to do."""
        self._required()
        if command.count <= self.warned.get((command.source, command.code), 0):
            return
        message = command.message[: limits.warning_message_length]
        self.decide(RunWarnedEvent, source=command.source, code=command.code, message=message, count=command.count)

    def alert(self, command: AlertRun, limits: Limits) -> None:
        """Raise an alert of the script's own, at any status."""
        self._required()
        if command.level not in SEVERITIES:
            raise BadValueError(f"there is no level {command.level!r} of alerts; there are {', '.join(SEVERITIES)}")
        check_length("the title of an alert", command.title, limits.alert_title_length)
        check_length("the text of an alert", command.text, limits.alert_text_length)
        self.decide(RunAlertedEvent, title=command.title, text=command.text, level=command.level)

    def resume(self, origin: RunOrigin | None = None) -> None:
        """Begin another attempt of a run that has ended: the only way out of a terminal status."""
        self._required()
        if self.status not in TERMINAL:
            raise RefusedError(f"run {self.key} is {self.status}: only a run that has ended can be resumed")
        self.decide(RunResumedEvent, attempt=self.attempt + 1, previous=self.status, origin=origin or RunOrigin())

    def archive(self) -> None:
        """Hide the run from lists; its history stays."""
        self._required()
        if not self.archived:
            self.decide(RunArchivedEvent)

    def restore(self) -> None:
        """Show an archived run again."""
        self._required()
        if self.archived:
            self.decide(RunRestoredEvent)

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
                self.properties.setdefault(event.key, event.value)
            case RunParameterAddedEvent():
                self.parameters.setdefault(event.key, event.value)
            case RunStatusChangedEvent():
                self.status, self.error, self.presumed = event.status, event.error or self.error, event.presumed
            case RunResumedEvent():
                self.status, self.attempt, self.error = RunStatus.RUNNING, event.attempt, None
                self.begun_by, self.presumed = event.command, False
            case RunWarnedEvent():
                self.warned[event.source, event.code] = event.count
            case RunDescribedEvent():
                for field in event.changed:
                    setattr(self, field, readable(getattr(event, field)))
            case RunArchivedEvent() | RunRestoredEvent():
                self.archived = isinstance(event, RunArchivedEvent)
            case _:
                pass

    def _apply_start(self, event: RunStartedEvent) -> None:
        self.experiment, self.experiment_id = event.experiment, event.experiment_id
        self.begun_by = event.command
        self.status = event.status
        self.display_name, self.description = readable(event.display_name), readable(event.description)
        self.parent_run_id, self.root_run_id = event.parent_run_id, event.root_run_id
        self.tags = {key: readable(value) for key, value in event.tags.items()}
        self.properties = dict(event.properties)

    def _required(self) -> None:
        if not self.exists:
            raise RunNotFoundError(self.key)


def _error(error: Mapping[str, str | None] | None, limits: Limits) -> RunError | None:
    if error is None:
        return None
    found = {"code": "UserError", "message": ""} | dict(error)
    found["message"] = (found["message"] or "")[: limits.error_message_length]
    if found.get("traceback"):
        # The last lines say where it happened.
        found["traceback"] = (found["traceback"] or "")[-limits.traceback_length :]
    return RunError.model_validate(found)


def _last_lines(lines: Sequence[str], limits: Limits) -> list[str]:
    return [line[: limits.log_line_length] for line in lines[-limits.log_lines :]]


def _check_texts(display_name: str | None, description: str | None, limits: Limits) -> None:
    check_length("display name", display_name, limits.display_name_length)
    check_length("description", description, limits.description_length)


def _check_pairs(what: str, pairs: Mapping[str, str | None], key_length: int, value_length: int) -> None:
    for key, value in pairs.items():
        check_key(what, key, key_length)
        check_length(f"{what} {key!r}", value, value_length)


def _check_written_once(what: str, old: Mapping[str, object], new: Mapping[str, object]) -> None:
    for key, value in new.items():
        if key in old and not _same(old[key], value):
            raise WrittenOnceError(what, key, old[key], value)


def _same(old: object, new: object) -> bool:
    # 1, 1.0 and True are equal in Python and three different values to who wrote them.
    return type(old) is type(new) and (old == new or (old != old and new != new))  # noqa: PLR0124
