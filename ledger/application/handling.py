"""Handling commands: each decided on a fresh aggregate, at most once, whatever is sent twice."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError

from ledger.application.application import LedgerApplication
from ledger.application.deciding.decision import Decision, Given
from ledger.application.deciding.dispatch import decision_on, meant_by
from ledger.application.recorder import LedgerRecorder
from ledger.application.refusing import MOST_FORBIDDEN, Attempt, RefusalRate
from ledger.application.turns import Turns
from ledger.artifacts.content import Content
from ledger.commands import Answer, Command, derived_id, new_command_id
from ledger.domain.aggregate import Context, LedgerAggregate
from ledger.domain.refusals import Refusals, RefusedLogin
from ledger.domain.run import Run
from ledger.domain.since import Happened, in_the_way
from ledger.errors import (
    ChangedSinceError,
    ConflictError,
    ForbiddenError,
    InvalidNameError,
    NewerHistoryError,
    NotFoundError,
    RefusedError,
    RunNotFoundError,
    UnavailableError,
)
from ledger.store.database import Database, Recorded
from ledger.wire import name_of
from schemas.events import Seal
from schemas.limits import UNSTORABLE, Limits
from schemas.streams import refusals_stream, run_stream

if TYPE_CHECKING:
    from schemas.rules import RuleDefinition

_ATTEMPTS = 50
_LOOKED_AT = 50

A = TypeVar("A", bound=LedgerAggregate)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends commands: `actor` is proven by the system or by authentication.

    `address` is where on the network they come from, None for this machine.
    """

    actor: str
    source: str
    is_admin: bool = False
    address: str | None = None


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
        self._given = Given(
            log_id=recorder.log.id,
            actor="",
            limits=limits or Limits(),
            seal=seal or (lambda _: Seal()),
            check_run=self.run,
            check_rule=check_rule or (lambda _: None),
            check_content=check_content or (lambda _: None),
            has_runs=has_runs or (lambda _: True),
        )
        self._turns = Turns()
        self._server = server
        self._refusals = RefusalRate()
        self._forbidden = RefusalRate(most=MOST_FORBIDDEN)

    @property
    def log_id(self) -> str:
        """The id of the control log."""
        return self._recorder.log.id

    def run(self, run_id: str) -> Run:
        """The run as its accepted events make it.

        Raises:
            RunNotFoundError: no such run.
        """
        if UNSTORABLE.search(run_id):
            raise RunNotFoundError(run_id)
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
            self._note_refusal(command, error, caller)
            raise

    def note_refused_logins(self, refused: Sequence[RefusedLogin], caller: Caller) -> None:
        """Record log-ins that this server refused; raises UnavailableError."""
        stream = refusals_stream(self.log_id, self._server)
        self._decide(Decision(stream, Refusals, lambda it: it.note_logins(refused)), Command(), caller)

    def note_forbidden(self, tried: Command | Attempt, error: ForbiddenError, caller: Caller) -> None:
        """Record that somebody tried what he has no right to, if that was not recorded a moment ago."""
        attempt = tried if isinstance(tried, Attempt) else self._attempt(tried)
        count = self._forbidden.due((caller.actor, attempt.name, attempt.stream))
        if count:
            # Its id is no answer to a command: whoever lacks the right may have taken another's.
            with suppress(UnavailableError, ConflictError):
                self._note(attempt, error, count, new_command_id(), caller)

    def _note_refusal(self, command: Command, error: RefusedError, caller: Caller) -> None:
        """Record that a rule said no; sent again, it is one. Only who is told nothing else waits for it to be there."""
        attempt = self._attempt(command)
        count = self._refusals.due((caller.actor, type(error).__name__, attempt.stream))
        if not count or isinstance(error, ChangedSinceError):
            return
        with nullcontext() if command.late else suppress(UnavailableError, ConflictError):
            self._note(attempt, error, count, derived_id(command.command, "refused"), caller)

    def _attempt(self, command: Command) -> Attempt:
        return Attempt(name_of(command), meant_by(command, self.log_id), command)

    def _note(self, attempt: Attempt, error: RefusedError, count: int, command_id: str, caller: Caller) -> None:
        stream = refusals_stream(self.log_id, self._server)
        noting = Decision(stream, Refusals, lambda it: it.note(attempt.name, attempt.stream, error, count))
        try:
            self._decide(noting, replace(attempt.command, command=command_id, as_of=None), caller)
        except RefusedError:
            # The reason that was given, and the like, may be just what cannot be stored.
            self._decide(noting, Command(command=command_id), caller)

    def _carry_out(self, command: Command, caller: Caller) -> Answer:
        decision = decision_on(command, replace(self._given, actor=caller.actor, is_admin=caller.is_admin))
        if decision.first is not None:
            self._carry_out(decision.first, caller)
        return self._decide(decision, command, caller)

    def _decide(self, decision: Decision[A], command: Command, caller: Caller) -> Answer:
        context, stream = self._context(command, caller), decision.stream
        with self._turns.of(stream):
            try:
                return self._decide_until_it_stands(decision, context)
            except (RefusedError, NotFoundError):
                # This server may lag behind: a "no" counts only on what the log holds now.
                before = self._recorder.database.head(stream)
                self._recorder.log.catch_up()
                if self._recorder.database.head(stream) == before:
                    raise
                return self._decide_until_it_stands(decision, context)

    def _decide_until_it_stands(self, decision: Decision[A], context: Context) -> Answer:
        for _ in range(_ATTEMPTS):
            aggregate = self._load(decision.stream, decision.kind).acting(context)
            earlier = aggregate.answered.get(context.command)
            if earlier is not None:
                return Answer(earlier.position, changed=True)
            if aggregate.newer is not None:
                # Deciding would take back, or do twice, what that event did (docs/adr/0043).
                raise NewerHistoryError(decision.stream, *aggregate.newer)
            decision.decide(aggregate)
            if not aggregate.pending_events:
                return Answer(aggregate.last_position, changed=False)
            if context.as_of is not None:
                self._check_nothing_in_the_way(aggregate, context.as_of)
            try:
                return Answer(self._application.append(aggregate), changed=True)
            except IntegrityError:
                continue
        raise ConflictError(f"{decision.stream} was changed by others {_ATTEMPTS} times in a row; try again")

    def _check_nothing_in_the_way(self, aggregate: LedgerAggregate, as_of: int) -> None:
        # Never less than what the decision was folded from: what is behind that voids the append.
        found = in_the_way(aggregate.wanted(), happened_since(self._recorder.database, aggregate.id, as_of))
        if found:
            raise ChangedSinceError(as_of, aggregate.last_position, found)

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
            address=caller.address,
            as_of=command.as_of,
        )


def _check_command_id(command: str) -> None:
    try:
        UUID(command)
    except ValueError as error:
        raise InvalidNameError(f"command id {command!r} is not a UUID") from error


def happened_since(database: Database, stream: str, position: int) -> list[Happened]:
    """The events of a stream behind a position."""
    found: list[Recorded] = []
    before: int | None = None
    # From the end backwards: mostly little has happened, and the stream may be long.
    while page := database.stream_events(stream, upto_seq=before, descending=True, limit=_LOOKED_AT):
        found += [each for each in page if each.place > position]
        before = page[-1].envelope.seq - 1
        if page[-1].place <= position:
            break
    return [
        Happened(each.place, each.envelope.time, each.envelope.actor, database.event(each.envelope))
        for each in reversed(found)
    ]
