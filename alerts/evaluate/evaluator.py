"""The evaluator: folds the control log, and finds what is to be told to whom, and when.

Time is `recorded_at`, and passes with the events of the log alone. Before an event is taken in, all
that was due by then is told, as the log was before the event; what becomes due by the event itself is
told behind it. In a quiet log a server appends an event that says that time has passed. So nothing
depends on who looks when, and whoever folds the log finds the same.
"""

from collections.abc import Iterator

from alerts.evaluate.addresses import AddressBook
from alerts.evaluate.bundle import Member
from alerts.evaluate.changes import Change, change_of, is_raised
from alerts.evaluate.correcting import Correcting
from alerts.evaluate.corrections import Corrections, corrects
from alerts.evaluate.deadlines import Deadline, Deadlines, Passed
from alerts.evaluate.firing import Hear, deaf
from alerts.evaluate.intent import FIRED, TEMPLATE, TEST, Intent, episode_id, intent_for
from alerts.evaluate.owners import Owners
from alerts.evaluate.runs import RunEvents, Runs, RunState, moment_of
from alerts.evaluate.timers import NEVER, Timers
from alerts.evaluate.unended import Moment, Unended
from alerts.evaluate.windows import Windows
from alerts.rules.conditions import all_hold
from alerts.rules.in_force import Rule, Rules
from alerts.rules.index import ALERT, DESCENDANT, RESOLVED, Placed, RuleIndex
from alerts.rules.matching import is_about, is_loud_enough, matches, resolves
from alerts.rules.suppressing import Subject, Suppressors
from alerts.rules.transition import Transition
from ledger.feed import FeedEvent
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    AlertRuleTemplateFailedEvent,
    AlertRuleTestedEvent,
    Event,
    PersonalDataErasedEvent,
    RecipientLimitedEvent,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
    RunAlertedEvent,
    RunDescribedEvent,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    SilenceCreatedEvent,
    SilenceEndedEvent,
    UserAddedEvent,
    UserChangedEvent,
    UserDisabledEvent,
)
from schemas.rules import RuleDefinition
from schemas.statuses import TERMINAL, RunStatus
from schemas.streams import key_of

_SAYING_WHAT_IT_IS: frozenset[type[Event]] = frozenset(
    {RunDescribedEvent, RunParameterAddedEvent, RunPropertyAddedEvent, RunTaggedEvent, RunUntaggedEvent}
)
_OF_RUNS: frozenset[type[Event]] = _SAYING_WHAT_IT_IS | {
    RunAlertedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
}
_OF_OTHERS: frozenset[type[Event]] = frozenset(
    {
        AlertRuleChangedEvent,
        AlertRuleDefinedEvent,
        AlertRuleDeletedEvent,
        AlertRuleDisabledEvent,
        AlertRuleEnabledEvent,
        AlertRuleTemplateFailedEvent,
        AlertRuleTestedEvent,
        PersonalDataErasedEvent,
        RecipientLimitedEvent,
        RecipientResubscribedEvent,
        RecipientSuppressedEvent,
        RecipientUnsubscribedEvent,
        RecipientUnsuppressedEvent,
        SilenceCreatedEvent,
        SilenceEndedEvent,
        UserAddedEvent,
        UserChangedEvent,
        UserDisabledEvent,
    }
)
READ = frozenset(name for kind in _OF_RUNS | _OF_OTHERS for name in kind.type_names())
"""The types of the events whose content the evaluator looks at; of all others it takes the time alone."""


class Evaluator:
    """A fold over every event of the control log from its beginning.

    Intents depend on the events alone: neither on how they were cut into batches, nor on the clock,
    nor on what was sent. Rules act from the position on at which they were defined.
    """

    def __init__(self, runs: RunEvents, *, punctual: bool = False, hear: Hear = deaf) -> None:
        """Begin before the first event; `runs` gives what was not kept.

        With `punctual`, deadlines count as noticed in time: as if a server had always been there.
        `hear` is told what is told later.
        """
        self.rules = Rules()
        self.position = 0
        self._index = RuleIndex()
        self._suppressors = Suppressors()
        self._addresses = AddressBook()
        self._owners = Owners(self._addresses)
        self._runs = Runs(runs)
        self._unended = Unended()
        self._corrections = Corrections()
        self._timers, self._expiries = Timers(), Timers()
        self._windows = Windows(self.rules, self._suppressors, self._timers, self._expiries, hear)
        self._correcting = Correcting(self.rules, self._suppressors, self._windows)
        self._deadlines = Deadlines(self._timers, self._unended, punctual=punctual)

    @property
    def next_due(self) -> int | None:
        """When something is due next, in `recorded_at` (milliseconds)."""
        return None if self._timers.next_at == NEVER else self._timers.next_at

    def fold(self, happened: FeedEvent) -> list[Intent]:
        """Take in the next event, and answer with the intents that are told by then."""
        now = happened.recorded_at
        told = self._pass_time(now)
        found: list[Intent] = []
        kind = type(happened.event)
        if kind in _OF_RUNS:
            self._runs.fold(happened)
            self.position = happened.position
            if kind not in _SAYING_WHAT_IT_IS:
                found = self._of_run(happened)
        else:
            found = self._of_others(happened)
        if found:
            self._corrections.remember(found)
            told += found
        return told + self._pass_time(now) if self._timers.next_at <= now else told

    def _of_run(self, happened: FeedEvent) -> list[Intent]:
        change = change_of(happened)
        if change is not None:
            return self._evaluate(happened, change)
        return self._raised(happened) if is_raised(happened) else []

    def _of_others(self, happened: FeedEvent) -> list[Intent]:
        for part in (self._suppressors, self._addresses, self._windows.limits):
            part.fold(happened)
        rule_id = self.rules.fold(happened)
        if rule_id is not None:
            self._set_rule(rule_id, happened)
        self.position = happened.position
        match happened.event:
            case AlertRuleTestedEvent() as event:
                return self._tested(happened, event)
            case AlertRuleTemplateFailedEvent() as event:
                return self._template_failed(happened, event)
            case _:
                return []

    def seen(self, run_id: str, happened: FeedEvent) -> Transition:
        """The run as rules see it after its event, which was folded last."""
        return self._transition(run_id, happened)

    def _pass_time(self, now: int) -> list[Intent]:
        """Tell all that is due by now, in the order in which it became due."""
        told: list[Intent] = []
        while self._timers.next_at <= now:
            at, key = self._timers.pop()
            if isinstance(key, Deadline):
                passed = self._deadlines.due(key, at, now)
                told += self._passed(passed) if passed is not None else []
            else:
                told += self._windows.due(key, at, now)
        while self._expiries.next_at <= now:
            self._windows.expire(self._expiries.pop()[1])
        if told:
            self._corrections.remember(told)
        return told

    def _set_rule(self, rule_id: str, happened: FeedEvent) -> None:
        rule = self.rules.get(rule_id)
        self._index.set(rule_id, rule)
        self._deadlines.set_rule(rule_id, rule, _moment(happened))
        if rule is None or not rule.enabled:
            self._windows.drop(rule_id)

    def _evaluate(self, happened: FeedEvent, change: Change) -> list[Intent]:
        run_id = key_of(happened.envelope.stream)
        told = self._corrections.of(run_id, change, happened.recorded_at)
        self._follow(run_id, happened, change)
        corrected: set[tuple[str, str]] = set()
        if corrects(change):
            corrected = self._correcting.waiting(happened, self._transition(run_id, happened))
        told = {whom: intent for whom, intent in told.items() if whom not in corrected}
        by = {rule for rule, _ in (*corrected, *told)}
        about = [placed for placed in self._about(run_id, change) if placed[0].id not in by]
        recovers = change.status is RunStatus.COMPLETED and self._index.bucket(RESOLVED) is not None
        if not about and not told and not recovers:
            return []
        transition = self._transition(run_id, happened)
        intents = list(self._correcting.told(happened, transition, told))
        for rule, definition in about:
            if self._matches(definition, transition):
                intents += self._noticed(happened, transition, rule, definition)
        if recovers:
            self._recover(happened, transition, {rule for rule, _ in corrected})
        return intents

    def _about(self, run_id: str, change: Change) -> list[Placed]:
        """The rules that may be about a change of status, found without folding the run where none is."""
        own = self._index.bucket(change.status)
        below = self._index.bucket((DESCENDANT, change.status))
        if own is None and below is None:
            return []
        run = self._runs.at(run_id, self.position)
        found = [] if own is None else own.of(run)
        root = run.root_run_id
        if below is not None and root is not None and root != run_id:
            found = found + below.of(self._runs.at(root, self.position))
            found.sort(key=lambda placed: placed[0].since)
        return [placed for placed in found if not placed[1].from_ or change.previous in placed[1].from_]

    def _matches(self, definition: RuleDefinition, transition: Transition) -> bool:
        if definition.on is None:
            return matches(definition, transition)
        root = self._runs.at(transition.root_run_id or transition.run_id, self.position).became(None)
        return is_about(definition, root) and all_hold(definition.conditions, root, children=True)

    def _follow(self, run_id: str, happened: FeedEvent, change: Change) -> None:
        """Keep the attempts under way, their deadlines, and what waits for a run to complete."""
        began = True
        match happened.event:
            case RunStartedEvent() as event:
                attempt = self._unended.begin(run_id, event, happened)
            case RunResumedEvent():
                run = self._runs.at(run_id, happened.position)
                child = run.parent_run_id is not None
                attempt = self._unended.resume(run_id, run.experiment, run.root_run_id, happened, child=child)
            case _:
                moved = self._unended.move(run_id, change.status, happened)
                if moved is None:
                    return
                attempt, began = moved, False
        over = self._deadlines.ended(run_id) if change.status in TERMINAL else []
        if change.status not in TERMINAL or began:
            over += self._deadlines.moved(attempt, _moment(happened), began=began)
        for deadline in over:
            self._over(deadline.rule, deadline.about, run_id, happened)
        if change.status is RunStatus.COMPLETED:
            self._meet(run_id, attempt.experiment, happened)

    def _meet(self, run_id: str, experiment: str, happened: FeedEvent) -> None:
        for rule, definition in list(self._deadlines.wanted(experiment)):
            if matches(definition, self._transition(run_id, happened)):
                self._deadlines.met(rule, definition, experiment, _moment(happened))
                self._over(rule.id, experiment, run_id, happened)

    def _over(self, rule_id: str, about: str, run_id: str, happened: FeedEvent) -> None:
        """What a deadline was waited for has come: whoever was told that it passed is told of that."""
        rule = self.rules.get(rule_id)
        if rule is not None and rule.definition is not None and self._windows.awaits(rule_id, about):
            transition = self._transition(run_id, happened)
            subject = Subject(rule_id, rule.definition.name, "", FIRED, transition, happened.recorded_at)
            self._windows.over(rule, about, Member(happened.position, happened.hash, subject, recovers=True))

    def _raised(self, happened: FeedEvent) -> list[Intent]:
        bucket = self._index.bucket(ALERT)
        if bucket is None:
            return []
        run_id = key_of(happened.envelope.stream)
        transition = self._transition(run_id, happened)
        intents: list[Intent] = []
        for rule, definition in bucket.of(self._runs.at(run_id, happened.position)):
            if is_loud_enough(definition, transition) and matches(definition, transition):
                intents += self._noticed(happened, transition, rule, definition)
        return intents

    def _passed(self, passed: Passed) -> list[Intent]:
        """A deadline passed: whether the rule is about the run is decided as of now."""
        deadline, definition = passed.deadline, passed.definition
        if deadline.of_experiment:
            transition = Transition("", deadline.about, RunStatus.NOT_STARTED)
        else:
            transition = self._runs.at(deadline.about, self.position).became(None)
            if not matches(definition, transition):
                return []
        found: list[Intent] = []
        for subject, why in self._subjects(passed.rule, definition, transition, FIRED, passed.at):
            member = Member(passed.since.position, passed.since.hash, subject)
            found += self._told(passed.rule, definition, member, why, passed.at, deadline.about)
        return found

    def _noticed(
        self, happened: FeedEvent, transition: Transition, rule: Rule, definition: RuleDefinition
    ) -> Iterator[Intent]:
        happened_at = moment_of(happened) if definition.max_age_seconds is not None else happened.recorded_at
        for subject, why in self._subjects(rule, definition, transition, FIRED, happened.recorded_at):
            member = Member(happened.position, happened.hash, subject)
            yield from self._told(rule, definition, member, why, happened_at)

    def _told(
        self,
        rule: Rule,
        definition: RuleDefinition,
        member: Member,
        why: str | None,
        happened_at: int,
        awaited: str | None = None,
    ) -> list[Intent]:
        """What is told of a thing now; nothing if it waits. `awaited` is what a deadline passed for."""
        suppressed = why or self._suppressors.of(member.subject)
        if suppressed is None and not definition.is_plain:
            return self._windows.take(rule, definition, member, happened_at, awaited)
        episode = episode_id(
            rule.id, member.subject.transition.run_id or member.subject.transition.experiment, member.opening
        )
        return self._windows.at_once(
            rule, definition, member, intent_for(rule, definition, member, episode, suppressed)
        )

    def _subjects(
        self, rule: Rule, definition: RuleDefinition, transition: Transition, kind: str, at: int
    ) -> Iterator[tuple[Subject, str | None]]:
        """Who is to be told, and why he cannot be."""
        run = self._runs.at(transition.run_id, self.position) if transition.run_id else RunState("")
        for recipient, why in self._addresses.resolve(definition.recipients, run):
            yield Subject(rule.id, definition.name, recipient, kind, transition, at), why

    def _recover(self, happened: FeedEvent, transition: Transition, corrected: set[str]) -> None:
        """Tell the groups of a run that completed; `corrected` are the rules that tell of it in what waits."""
        bucket = self._index.bucket(RESOLVED)
        if bucket is None:
            return
        for rule, definition in bucket.of(self._runs.at(transition.run_id, happened.position)):
            about = RunStatus.COMPLETED not in (definition.statuses or RunStatus) and rule.id not in corrected
            if about and resolves(definition, transition):
                subject = Subject(rule.id, definition.name, "", FIRED, transition, happened.recorded_at)
                member = Member(happened.position, happened.hash, subject, recovers=True)
                self._windows.recover(rule, definition, member)

    def _tested(self, happened: FeedEvent, event: AlertRuleTestedEvent) -> list[Intent]:
        """Somebody asked for a test of a rule: it takes the way that all else takes."""
        rule = self.rules.get(key_of(happened.envelope.stream))
        if rule is None or rule.definition is None:
            return []
        run_id = event.run_id or ""
        run = self._runs.at(run_id, happened.position) if run_id else _example(happened)
        found = []
        for recipient, why in self._addresses.resolve(rule.definition.recipients, run):
            subject = Subject(rule.id, rule.definition.name, recipient, TEST, run.became(None), happened.recorded_at)
            member = Member(happened.position, happened.hash, subject)
            episode = episode_id(rule.id, f"{TEST} {run_id}", happened.hash)
            found.append(
                intent_for(rule, rule.definition, member, episode, why or self._suppressors.of_recipient(subject))
            )
        return found

    def _template_failed(self, happened: FeedEvent, event: AlertRuleTemplateFailedEvent) -> list[Intent]:
        """The owner of a rule is told that a template cannot be used, if the rule still has it."""
        rule = self.rules.get(key_of(happened.envelope.stream))
        if rule is None or rule.definition is None or not self._owners.is_new(rule, event.rule_version):
            return []
        run = self._runs.at(event.run_id, happened.position) if event.run_id else _example(happened)
        member, why = self._owners.tell(happened, event.because, rule, rule.definition, run)
        episode = episode_id(rule.id, f"{TEMPLATE} {event.rule_version}", b"")
        return [intent_for(rule, rule.definition, member, episode, why or self._suppressors.of(member.subject))]

    def _transition(self, run_id: str, happened: FeedEvent) -> Transition:
        run = self._runs.at(run_id, happened.position)
        known: dict[str, object] = {"failed_descendants": self._unended.failed_below(run_id)}
        if self._index.looks_back:
            known["ends"] = self._unended.ends(run.experiment, children=False)
            known["all_ends"] = self._unended.ends(run.experiment, children=True)
        return run.became(happened, **known)


def _example(happened: FeedEvent) -> RunState:
    """A run that is none, for a test that names none; who asked for the test is who started it."""
    return RunState("example", experiment="example", status=RunStatus.FAILED, actor=happened.envelope.actor)


def _moment(happened: FeedEvent) -> Moment:
    return Moment(happened.position, happened.hash, happened.recorded_at)
