"""Handling commands: each decided on a fresh aggregate, at most once, whatever is sent twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError

from ledger.application.application import LedgerApplication
from ledger.application.recorder import LedgerRecorder
from ledger.application.refusing import RefusalRate
from ledger.application.turns import Turns
from ledger.artifacts.content import Content
from ledger.commands import (
    AddArtifacts,
    AddParameters,
    AddProperties,
    AddUser,
    AlertRun,
    Answer,
    ArchiveExperiment,
    ArchiveRun,
    ChangeRule,
    ChangeStatus,
    ChangeUser,
    Command,
    CreateExperiment,
    CreateSilence,
    DefineRule,
    DeleteExperiment,
    DeleteRule,
    DescribeExperiment,
    DescribeRun,
    DisableRule,
    DisableUser,
    EnableRule,
    EndSilence,
    ExperimentCommand,
    IssueToken,
    ReactivateExperiment,
    RecipientCommand,
    RestoreRun,
    Resubscribe,
    ResumeRun,
    RevokeToken,
    RuleCommand,
    RunCommand,
    SilenceCommand,
    StartRun,
    SuppressRecipient,
    TagExperiment,
    TagRun,
    TestRule,
    Unsubscribe,
    UnsuppressRecipient,
    UntagExperiment,
    UntagRun,
    UserCommand,
    WarnRun,
    derived_id,
)
from ledger.domain.aggregate import Context, LedgerAggregate
from ledger.domain.artifacts import checked_artifacts
from ledger.domain.experiment import Experiment
from ledger.domain.names import check_experiment_name, check_run_id, check_user_name, check_uuid
from ledger.domain.recipient import Recipient, checked_address
from ledger.domain.refusals import Refusals
from ledger.domain.run import Run
from ledger.errors import ConflictError, InvalidNameError, NotFoundError, RefusedError, RunNotFoundError
from ledger.wire import name_of
from schemas.events import RunOrigin, Seal
from schemas.limits import Limits
from schemas.streams import (
    experiment_stream,
    key_of,
    recipient_stream,
    refusals_stream,
    rule_stream,
    run_stream,
    silence_stream,
    user_stream,
)

if TYPE_CHECKING:
    from ledger.domain.alert_rule import AlertRule
    from ledger.domain.silence import Silence
    from ledger.domain.user import User
    from schemas.rules import RuleDefinition

_ATTEMPTS = 50

A = TypeVar("A", bound=LedgerAggregate)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends commands: `actor` is proven by the system or by authentication."""

    actor: str
    source: str


class Ledger:
    """The front of the ledger: commands in, positions out."""

    def __init__(
        self,
        recorder: LedgerRecorder,
        *,
        now: Callable[[], datetime],
        seal: Callable[[str], Seal] | None = None,
        check_rule: "Callable[[RuleDefinition], None] | None" = None,
        has_runs: Callable[[str], bool] | None = None,
        check_content: Callable[[Content], None] | None = None,
        limits: Limits | None = None,
        server: str = "",
    ) -> None:
        """Handle commands on a recorder's log.

        `now` is the clock for commands that name no time, `seal` tells what a run has logged,
        `check_rule` raises BadRuleError for a rule whose templates do not work, `has_runs` tells
        whether an experiment of a name has any; one that nobody can tell of is not deleted.
        `check_content` raises BadContentError for what is not stored. `server` is whose refusals are
        recorded here.
        """
        self._recorder = recorder
        self._application = LedgerApplication(recorder)
        self._now = now
        self._seal = seal or (lambda _: Seal())
        self._check_rule = check_rule or (lambda _: None)
        self._has_runs = has_runs or (lambda _: True)
        self._check_content = check_content or (lambda _: None)
        self._limits = limits or Limits()
        self._turns = Turns()
        self._server = server
        self._refusals = RefusalRate()

    @property
    def log_id(self) -> str:
        """The id of the control log."""
        return self._recorder.log.id

    def run(self, run_id: str) -> Run:
        """The run as its accepted events make it.

        Raises:
            RunNotFoundError: no such run.
        """
        run = self._load(run_stream(run_id), Run)
        if not run.exists:
            raise RunNotFoundError(run_id)
        return run

    def handle(self, command: Command, caller: Caller) -> Answer:
        """Carry out a command.

        Raises:
            RefusedError: a rule says no.
            NotFoundError: it names what is not there.
            ConflictError: others kept changing the same run.
            UnavailableError: the ledger cannot be reached; `UnknownOutcomeError` when it is in doubt.
        """
        _check_command_id(command.command)
        try:
            return self._carry_out(command, caller)
        except RefusedError as error:
            if command.late:
                self._note_refusal(command, error, caller)
            raise

    def _note_refusal(self, command: Command, error: RefusedError, caller: Caller) -> None:
        """Record a refusal that reaches nobody; sent again, it is one."""
        count = self._refusals.due((caller.actor, type(error).__name__))
        if not count:
            return
        note = replace(command, command=derived_id(command.command, "refused"))
        stream = refusals_stream(self.log_id, self._server)
        meant = self._stream_of(command)
        self._decide(
            stream, Refusals, note, caller, lambda refusals: refusals.note(name_of(command), meant, error, count)
        )

    def _stream_of(self, command: Command) -> str:
        match command:
            case RunCommand():
                return run_stream(command.run_id)
            case ExperimentCommand():
                return experiment_stream(self.log_id, command.name)
            case RuleCommand():
                return rule_stream(command.rule_id)
            case _:
                return ""

    @singledispatchmethod
    def _carry_out(self, command: Command, caller: Caller) -> Answer:
        raise NotImplementedError(type(command).__name__)

    @_carry_out.register
    def _(self, command: CreateExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(
            command, caller, lambda it: it.create(command.name, self._limits, reopen=command.reopen)
        )

    @_carry_out.register
    def _(self, command: TagExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(command, caller, lambda it: it.tag(command.name, command.tags, self._limits))

    @_carry_out.register
    def _(self, command: UntagExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(command, caller, lambda it: it.untag(command.name, command.keys))

    @_carry_out.register
    def _(self, command: DescribeExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(
            command, caller, lambda it: it.describe(command.name, command.description, self._limits)
        )

    @_carry_out.register
    def _(self, command: ArchiveExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(command, caller, lambda it: it.archive(command.name))

    @_carry_out.register
    def _(self, command: ReactivateExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(command, caller, lambda it: it.reactivate(command.name))

    @_carry_out.register
    def _(self, command: DeleteExperiment, caller: Caller) -> Answer:
        return self._decide_experiment(command, caller, lambda it: it.delete(command.name, self._has_runs))

    @_carry_out.register
    def _(self, command: StartRun, caller: Caller) -> Answer:
        check_run_id(command.run_id, self._limits)
        part = CreateExperiment(command=derived_id(command.command, "experiment"), name=command.experiment, reopen=True)
        self._carry_out(part, caller)
        experiment_id = key_of(experiment_stream(self.log_id, command.experiment))
        return self._decide_run(
            command,
            caller,
            lambda run: run.start(command, experiment_id, self._limits, lambda: self._seal(command.run_id)),
        )

    @_carry_out.register
    def _(self, command: TagRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.tag(command.tags, self._limits))

    @_carry_out.register
    def _(self, command: UntagRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.untag(command.keys))

    @_carry_out.register
    def _(self, command: AddProperties, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.add_properties(command.properties, self._limits))

    @_carry_out.register
    def _(self, command: AddParameters, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.add_parameters(command.parameters, self._limits))

    @_carry_out.register
    def _(self, command: DescribeRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.describe(command.changes, self._limits))

    @_carry_out.register
    def _(self, command: ChangeStatus, caller: Caller) -> Answer:
        def seal() -> Seal:
            return self._seal(command.run_id)

        return self._decide_run(command, caller, lambda run: run.change_status(command, self._limits, seal))

    @_carry_out.register
    def _(self, command: WarnRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.warn(command, self._limits))

    @_carry_out.register
    def _(self, command: AlertRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, lambda run: run.alert(command, self._limits))

    @_carry_out.register
    def _(self, command: AddArtifacts, caller: Caller) -> Answer:
        artifacts = checked_artifacts(command.artifacts, self._limits)
        for each in artifacts:
            self._check_content(each.content)
        return self._decide_run(command, caller, lambda run: run.add_artifacts(artifacts, self._limits))

    @_carry_out.register
    def _(self, command: ResumeRun, caller: Caller) -> Answer:
        origin = RunOrigin.model_validate(dict(command.origin))
        return self._decide_run(
            command,
            caller,
            lambda run: run.resume(
                origin, command.properties, limits=self._limits, seal=lambda: self._seal(command.run_id)
            ),
        )

    @_carry_out.register
    def _(self, command: ArchiveRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, Run.archive)

    @_carry_out.register
    def _(self, command: RestoreRun, caller: Caller) -> Answer:
        return self._decide_run(command, caller, Run.restore)

    @_carry_out.register
    def _(self, command: DefineRule, caller: Caller) -> Answer:
        self._check_definition(command.definition)
        return self._decide_rule(command, caller, lambda rule: rule.define(command.definition))

    @_carry_out.register
    def _(self, command: ChangeRule, caller: Caller) -> Answer:
        self._check_definition(command.definition)
        return self._decide_rule(command, caller, lambda rule: rule.change(command.definition))

    @_carry_out.register
    def _(self, command: EnableRule, caller: Caller) -> Answer:
        return self._decide_rule(command, caller, lambda rule: rule.enable())

    @_carry_out.register
    def _(self, command: DisableRule, caller: Caller) -> Answer:
        return self._decide_rule(command, caller, lambda rule: rule.disable())

    @_carry_out.register
    def _(self, command: DeleteRule, caller: Caller) -> Answer:
        return self._decide_rule(command, caller, lambda rule: rule.delete())

    @_carry_out.register
    def _(self, command: TestRule, caller: Caller) -> Answer:
        if command.run_id is not None:
            self.run(command.run_id)
        return self._decide_rule(command, caller, lambda rule: rule.test(command.run_id))

    @_carry_out.register
    def _(self, command: CreateSilence, caller: Caller) -> Answer:
        who = command.on_behalf_of or caller.actor
        return self._decide_silence(command, caller, lambda it: it.create(command.matchers, command.until, who))

    @_carry_out.register
    def _(self, command: EndSilence, caller: Caller) -> Answer:
        return self._decide_silence(command, caller, lambda it: it.end())

    @_carry_out.register
    def _(self, command: Unsubscribe, caller: Caller) -> Answer:
        return self._decide_recipient(command, caller, lambda it: it.unsubscribe(command.recipient, command.rule))

    @_carry_out.register
    def _(self, command: Resubscribe, caller: Caller) -> Answer:
        return self._decide_recipient(command, caller, lambda it: it.resubscribe(command.recipient, command.rule))

    @_carry_out.register
    def _(self, command: SuppressRecipient, caller: Caller) -> Answer:
        return self._decide_recipient(
            command,
            caller,
            lambda it: it.suppress(
                command.recipient,
                notification=command.notification,
                status=command.status,
                diagnostic=command.diagnostic,
            ),
        )

    @_carry_out.register
    def _(self, command: UnsuppressRecipient, caller: Caller) -> Answer:
        return self._decide_recipient(command, caller, lambda it: it.unsuppress(command.recipient))

    @_carry_out.register
    def _(self, command: AddUser, caller: Caller) -> Answer:
        return self._decide_user(command, caller, lambda user: user.add(command.user, command.role, command.email))

    @_carry_out.register
    def _(self, command: ChangeUser, caller: Caller) -> Answer:
        return self._decide_user(command, caller, lambda user: user.change(command.user, command.role, command.email))

    @_carry_out.register
    def _(self, command: DisableUser, caller: Caller) -> Answer:
        return self._decide_user(command, caller, lambda user: user.disable(command.user))

    @_carry_out.register
    def _(self, command: IssueToken, caller: Caller) -> Answer:
        return self._decide_user(
            command,
            caller,
            lambda user: user.issue(
                command.user, command.token_id, command.token_hash, command.label, command.expires_at
            ),
        )

    @_carry_out.register
    def _(self, command: RevokeToken, caller: Caller) -> Answer:
        return self._decide_user(command, caller, lambda user: user.revoke(command.user, command.token_id))

    def _decide_experiment(
        self, command: ExperimentCommand, caller: Caller, decide: Callable[[Experiment], None]
    ) -> Answer:
        check_experiment_name(command.name, self._limits)
        return self._decide(experiment_stream(self.log_id, command.name), Experiment, command, caller, decide)

    def _decide_user(self, command: UserCommand, caller: Caller, decide: "Callable[[User], None]") -> Answer:
        from ledger.domain.user import User  # noqa: PLC0415 - as for rules

        check_user_name(command.user)
        return self._decide(user_stream(self.log_id, command.user), User, command, caller, decide)

    def _decide_recipient(
        self, command: RecipientCommand, caller: Caller, decide: Callable[[Recipient], None]
    ) -> Answer:
        stream = recipient_stream(self.log_id, checked_address(command.recipient))
        return self._decide(stream, Recipient, command, caller, decide)

    def _check_definition(self, definition: Mapping[str, Any]) -> None:
        from ledger.domain.alert_rule import checked  # noqa: PLC0415 - as below

        self._check_rule(checked(definition))

    def _decide_rule(self, command: RuleCommand, caller: Caller, decide: "Callable[[AlertRule], None]") -> Answer:
        from ledger.domain.alert_rule import AlertRule  # noqa: PLC0415 - heavy, and unknown to a training script

        check_uuid("rule", command.rule_id)
        return self._decide(rule_stream(command.rule_id), AlertRule, command, caller, decide)

    def _decide_silence(self, command: SilenceCommand, caller: Caller, decide: "Callable[[Silence], None]") -> Answer:
        from ledger.domain.silence import Silence  # noqa: PLC0415 - as above

        check_uuid("silence", command.silence_id)
        return self._decide(silence_stream(command.silence_id), Silence, command, caller, decide)

    def _decide_run(self, command: RunCommand, caller: Caller, decide: Callable[[Run], None]) -> Answer:
        return self._decide(run_stream(command.run_id), Run, command, caller, decide)

    def _decide(
        self, stream: str, kind: type[A], command: Command, caller: Caller, decide: Callable[[A], None]
    ) -> Answer:
        context = self._context(command, caller)
        with self._turns.of(stream):
            try:
                return self._decide_until_it_stands(stream, kind, context, decide)
            except (RefusedError, NotFoundError):
                # This server may lag behind: a "no" counts only on what the log holds now.
                before = self._recorder.database.head(stream)
                self._recorder.log.catch_up()
                if self._recorder.database.head(stream) == before:
                    raise
                return self._decide_until_it_stands(stream, kind, context, decide)

    def _decide_until_it_stands(
        self, stream: str, kind: type[A], context: Context, decide: Callable[[A], None]
    ) -> Answer:
        for _ in range(_ATTEMPTS):
            aggregate = self._load(stream, kind).acting(context)
            earlier = aggregate.answered.get(context.command)
            if earlier is not None:
                return Answer(earlier.position, changed=True)
            decide(aggregate)
            if not aggregate.pending_events:
                return Answer(aggregate.last_position, changed=False)
            try:
                return Answer(self._application.append(aggregate), changed=True)
            except IntegrityError:
                continue
        raise ConflictError(f"{stream} was changed by others {_ATTEMPTS} times in a row; try again")

    def _load(self, stream: str, kind: type[A]) -> A:
        aggregate = self._application.load(stream)
        if not isinstance(aggregate, kind):
            raise TypeError(f"{stream} is no {kind.__name__}")
        return aggregate

    def _context(self, command: Command, caller: Caller) -> Context:
        return Context(
            command=command.command,
            digest=command.digest(),
            actor=caller.actor,
            source=caller.source,
            now=command.occurred_at or self._now(),
            reason=command.reason,
            on_behalf_of=command.on_behalf_of,
            client=command.client,
        )


def _check_command_id(command: str) -> None:
    try:
        UUID(command)
    except ValueError as error:
        raise InvalidNameError(f"command id {command!r} is not a UUID") from error
