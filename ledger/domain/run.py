"""The Run aggregate: what may happen to a run, and what it is after its events."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ledger.commands import AlertRun, ChangeStatus, Parameter, StartRun, WarnRun
from ledger.domain.aggregate import changed_keys
from ledger.domain.artifacts import Artifact
from ledger.domain.ending import error_within, last_lines
from ledger.domain.folded_run import FoldedRun
from ledger.domain.names import check_count, check_experiment_name, check_key, check_length, check_pairs, check_run_id
from ledger.domain.statuses import allowed_from, may_change
from ledger.domain.written_once import check_written_once
from ledger.errors import BadValueError, RefusedError, StatusRefusedError
from ledger.liveness.graces import canceled_by
from schemas.events import (
    RunAlertedEvent,
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
    Seal,
)
from schemas.limits import Limits
from schemas.severities import SEVERITIES
from schemas.statuses import TERMINAL, RunStatus


class Run(FoldedRun):
    """One run, from its start through every attempt."""

    kind = "run"

    def start(self, command: StartRun, experiment_id: str, limits: Limits, seal: Callable[[], Seal] = Seal) -> None:
        """Begin the run; an id begins once (parity B4), unless the command would rather continue it."""
        check_run_id(self.key, limits)
        check_experiment_name(command.experiment, limits)
        if self.exists and command.resume:
            origin = RunOrigin.model_validate(dict(command.origin))
            self.resume(origin, command.properties, limits=limits, seal=seal)
            return
        if self.exists:
            way_out = "" if self._may_be_resumed else f" once it has ended; {_JOIN} now"
            raise RefusedError(
                f"there is a run {self.key} already (in experiment {self.experiment}, {self.status}); "
                f"choose another run_id, or continue it with resume='allow'{way_out}"
            )
        _check_texts(command.display_name, command.description, limits)
        check_pairs("tag", command.tags, limits.tag_key_length, limits.tag_value_length)
        check_pairs("property", command.properties, limits.property_key_length, limits.property_value_length)
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
        self.required()
        check_pairs("tag", tags, limits.tag_key_length, limits.tag_value_length)
        check_count("tags", len(self.tags.keys() | tags.keys()), limits.tags)
        for key, value in changed_keys(self.tags, tags).items():
            self.decide(RunTaggedEvent, key=key, value=value)

    def untag(self, keys: Iterable[str]) -> None:
        """Remove tags; a key that is not there is nothing to do."""
        self.required()
        for key in dict.fromkeys(keys):
            if key in self.tags:
                self.decide(RunUntaggedEvent, key=key)

    def add_properties(self, properties: Mapping[str, str], limits: Limits) -> None:
        """Add properties, each written once; the same value again is nothing to do (parity F2)."""
        self.required()
        check_pairs("property", properties, limits.property_key_length, limits.property_value_length)
        check_written_once("property", self.properties, properties)
        check_count("properties", len(self.properties.keys() | properties.keys()), limits.properties)
        for key, value in changed_keys(self.properties, properties).items():
            self.decide(RunPropertyAddedEvent, key=key, value=value)

    def add_parameters(self, parameters: Mapping[str, Parameter], limits: Limits) -> None:
        """Add parameters, written once like properties, numbers kept as numbers."""
        self.required()
        for key, value in parameters.items():
            check_key("parameter", key, limits.parameter_key_length)
            check_length(f"parameter {key!r}", str(value), limits.parameter_value_length)
        check_written_once("parameter", self.parameters, parameters)
        check_count("parameters", len(self.parameters.keys() | parameters.keys()), limits.parameters)
        for key, value in changed_keys(self.parameters, parameters).items():
            self.decide(RunParameterAddedEvent, key=key, value=value)

    def describe(self, changes: Mapping[str, str | None], limits: Limits) -> None:
        """Set or clear `description` and `display_name`, at any status (parity E1)."""
        self.required()
        _check_texts(changes.get("display_name"), changes.get("description"), limits)
        before = {"description": self.description, "display_name": self.display_name}
        changed = changed_keys(before, changes)
        if changed:
            self.decide(RunDescribedEvent, changed=tuple(sorted(changed)), **changed)

    def change_status(self, command: ChangeStatus, limits: Limits, seal: Callable[[], Seal]) -> None:
        """Move forward in the table of 3.B; the same status again is nothing to do.

        A presumed end may be corrected by the run's own evidence, its error with it. `seal` is asked for
        at an end. Who asked for the run to be canceled is the reason of a Canceled that has none of its own.
        """
        self.required()
        status = command.status
        if command.begun_by is not None and command.begun_by != self.begun_by:
            raise RefusedError(f"run {self.key} is at attempt {self.attempt}, which another process began")
        if command.previous not in {None, self.status}:
            raise RefusedError(f"run {self.key} is {self.status} and no longer {command.previous}")
        confirms = self.presumed and status in TERMINAL and not command.presumed
        if status == self.status and not confirms:
            return
        if not confirms and not may_change(self.status, status):
            raise StatusRefusedError(self.key, self.status, status, allowed_from(self.status))
        self.decide(
            RunStatusChangedEvent,
            previous=self.status,
            status=status,
            error=error_within(command.error, limits),
            certainty=command.certainty,
            presumed=command.presumed,
            log_lines=last_lines(command.log_lines, limits),
            seal=seal() if status in TERMINAL else None,
            **self._reason(command),
        )

    def warn(self, command: WarnRun, limits: Limits) -> None:
        """Note what needs attention; a count that is not higher than before is nothing to do."""
        self.required()
        if command.count <= self.warned.get((command.source, command.code), 0):
            return
        message = command.message[: limits.warning_message_length]
        self.decide(RunWarnedEvent, source=command.source, code=command.code, message=message, count=command.count)

    def alert(self, command: AlertRun, limits: Limits) -> None:
        """Raise an alert of the script's own, at any status."""
        self.required()
        if command.level not in SEVERITIES:
            raise BadValueError(f"there is no level {command.level!r} of alerts; there are {', '.join(SEVERITIES)}")
        check_length("the title of an alert", command.title, limits.alert_title_length)
        check_length("the text of an alert", command.text, limits.alert_text_length)
        self.decide(RunAlertedEvent, title=command.title, text=command.text, level=command.level)

    def add_artifacts(self, artifacts: Sequence[Artifact], limits: Limits) -> None:
        """Give names to contents, at any status; a name that is there stands for the newest (ADR 0014).

        The same content again is nothing to do.
        """
        self.required()
        check_count("files", len(self.artifacts.keys() | {each.name for each in artifacts}), limits.artifacts)
        for each in artifacts:
            if self.artifacts.get(each.name) != each.content.sha256:
                self.decide(RunArtifactAddedEvent, **each.fields())

    def resume(
        self,
        origin: RunOrigin | None = None,
        properties: Mapping[str, str] | None = None,
        *,
        limits: Limits | None = None,
        seal: Callable[[], Seal] = Seal,
    ) -> None:
        """Begin another attempt of a run that has ended: the only way out of a terminal status.

        One that does not respond is presumed to have failed first: what is heard of that attempt
        later names another command in `begun_by`, and changes nothing (spot pre-emption). So is one
        that had no end when its job was started again, which is told by a new `restart` (ADR 0012).
        """
        self.required()
        origin, limits = origin or RunOrigin(), limits or Limits()
        is_restart = origin.restart is not None and origin.restart not in self.restarts
        if not self._may_be_resumed and not is_restart:
            raise RefusedError(self._why_not_resumed())
        if self.status not in TERMINAL:
            self._presume_failed(origin.restart if is_restart else None, seal)
        self.decide(RunResumedEvent, attempt=self.attempt + 1, previous=self.status, origin=origin)
        self.add_properties(self._of_attempt(properties or {}), limits)

    def _presume_failed(self, restart: str | None, seal: Callable[[], Seal]) -> None:
        if restart is None:
            code, certainty = "NotResponding", "another attempt began, and nothing was heard of this one"
            message = f"Attempt {self.attempt} did not respond any more when another one began{self._where()}."
        else:
            code, certainty = "Superseded", "the next attempt began, and no end of this one had been recorded"
            message = f"Attempt {self.attempt} was over when the next one began ({restart}); nobody saw how it ended."
        self.decide(
            RunStatusChangedEvent,
            previous=self.status,
            status=RunStatus.FAILED,
            error=RunError(code=code, message=message),
            certainty=f"presumed: {certainty}",
            presumed=True,
            seal=seal(),
        )

    def _of_attempt(self, properties: Mapping[str, str]) -> dict[str, str]:
        """Properties by keys that are free, or have this very value."""
        return {
            key if self.properties.get(key, value) == value else f"{key}.{self.attempt}": value
            for key, value in properties.items()
        }

    def archive(self) -> None:
        """Hide the run from lists; its history stays."""
        self.required()
        if not self.archived:
            self.decide(RunArchivedEvent)

    def restore(self) -> None:
        """Show an archived run again."""
        self.required()
        if self.archived:
            self.decide(RunRestoredEvent)

    @property
    def _may_be_resumed(self) -> bool:
        return self.status in TERMINAL or self.status is RunStatus.NOT_RESPONDING

    def _why_not_resumed(self) -> str:
        if self.asked is not None:
            return (
                f"run {self.key} shall be canceled ({canceled_by(self.asked.actor, self.asked.reason)}); "
                "it can be resumed once it is Canceled, which does not take longer than the grace time"
            )
        return (
            f"run {self.key} is {self.status}{self._where()}: only a run that has ended, or does not respond, can be "
            f"resumed. End it there or cancel it first; or {_JOIN} beside it"
        )

    def _where(self) -> str:
        """Where its present attempt runs and since when, as far as is known."""
        process = f"process {self.origin.process_id}" if self.origin.process_id is not None else None
        host = f"on {self.origin.host}" if self.origin.host is not None else None
        known = " ".join(each for each in (process, host) if each)
        return f" (attempt {self.attempt}, {known + ', ' if known else ''}since {self.begun_at:%F %T} UTC)"

    def _reason(self, command: ChangeStatus) -> dict[str, str]:
        if command.status is not RunStatus.CANCELED or command.reason is not None or self.asked is None:
            return {}
        return {"reason": canceled_by(self.asked.actor, self.asked.reason)}


_JOIN = "resume='join' logs to it"


def _check_texts(display_name: str | None, description: str | None, limits: Limits) -> None:
    check_length("display name", display_name, limits.display_name_length)
    check_length("description", description, limits.description_length)
