"""The evaluator: folds the control log, and finds what is to be told to whom."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from alerts.evaluate.addresses import AddressBook
from alerts.evaluate.intent import CORRECTED, FIRED, Intent, episode_id, notification_id
from alerts.evaluate.runs import RunEvents, Runs, RunState
from alerts.rules.in_force import Rule, Rules
from alerts.rules.matching import Transition, may_match, why_not
from alerts.rules.suppressing import Subject, Suppressors
from ledger.feed import FeedEvent
from schemas.addresses import EMAIL, channel_in
from schemas.events import RunResumedEvent, RunStartedEvent, RunStatusChangedEvent
from schemas.rules import RuleDefinition
from schemas.statuses import TERMINAL, RunStatus
from schemas.streams import key_of, kind_of

CORRECTION_DAYS = 30
"""How long after a presumed end its correction is still told."""

_DAY = 24 * 3_600 * 1_000


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of status as an event tells it; `previous` is None at a start."""

    previous: RunStatus | None
    status: RunStatus
    presumed: bool = False


class Evaluator:
    """A fold over every event of the control log from its beginning.

    Intents depend on the events alone: neither on how they were cut into batches, nor on the clock,
    nor on what was sent. Rules act from the position on at which they were defined.
    """

    def __init__(self, runs: RunEvents) -> None:
        """Begin before the first event; `runs` gives what was not kept."""
        self.rules = Rules()
        self.position = 0
        self._suppressors = Suppressors()
        self._addresses = AddressBook()
        self._runs = Runs(runs)
        self._presumed: OrderedDict[str, tuple[int, list[Intent]]] = OrderedDict()

    def fold(self, happened: FeedEvent) -> list[Intent]:
        """Take in the next event, and answer with the intents that it causes."""
        for part in (self.rules, self._suppressors, self._addresses, self._runs):
            part.fold(happened)
        self.position = happened.position
        change = _change(happened)
        return [] if change is None else self._evaluate(happened, change)

    def _evaluate(self, happened: FeedEvent, change: _Change) -> list[Intent]:
        run_id = key_of(happened.envelope.stream)
        told = self._told_of_presumed_end(run_id, happened, change)
        corrected = {intent.rule for intent in told}
        about = [
            (rule, definition)
            for rule, definition in self.rules.in_force()
            if rule.id not in corrected and may_match(definition, change.previous, change.status)
        ]
        if not about and not told:
            return []
        run = self._runs.at(run_id, happened.position)
        transition = run.became(change.previous, presumed=change.presumed)
        intents = list(self._corrected(happened, transition, told))
        for rule, definition in about:
            if why_not(definition, transition) is None:
                intents += self._fired(happened, transition, run, rule, definition)
        self._remember_presumed_end(run_id, happened, change, intents)
        return intents

    def _fired(
        self, happened: FeedEvent, transition: Transition, run: RunState, rule: Rule, definition: RuleDefinition
    ) -> Iterator[Intent]:
        episode = episode_id(rule.id, run.run_id, happened.hash)
        for recipient, why in self._addresses.resolve(definition.recipients, run):
            subject = Subject(rule.id, definition.name, recipient, FIRED, transition, happened.recorded_at)
            yield self._intent(happened, subject, rule, definition, episode, why)

    def _corrected(self, happened: FeedEvent, transition: Transition, told: list[Intent]) -> Iterator[Intent]:
        for before in told:
            rule = self.rules.get(before.rule)
            if rule is not None and rule.enabled and rule.definition is not None:
                subject = replace(before.subject, kind=CORRECTED, transition=transition, at=happened.recorded_at)
                yield self._intent(happened, subject, rule, rule.definition, before.episode, None)

    def _intent(
        self,
        happened: FeedEvent,
        subject: Subject,
        rule: Rule,
        definition: RuleDefinition,
        episode: str,
        why: str | None,
    ) -> Intent:
        sequence = 1
        return Intent(
            id=notification_id(rule.id, episode, subject.kind, sequence, subject.recipient),
            episode=episode,
            rule_version=rule.version,
            definition=definition,
            trigger=happened.position,
            sequence=sequence,
            subject=subject,
            channel=channel_in(subject.recipient) or EMAIL,
            suppressed=why or self._suppressors.of(subject),
        )

    def _told_of_presumed_end(self, run_id: str, happened: FeedEvent, change: _Change) -> list[Intent]:
        """What was told of an end that this event corrects; whatever else happens to the run ends the waiting."""
        at, told = self._presumed.pop(run_id, (0, []))
        recent = happened.recorded_at - at <= CORRECTION_DAYS * _DAY
        corrects = change.previous in TERMINAL and change.status in TERMINAL and not change.presumed
        return [intent for intent in told if intent.suppressed is None] if recent and corrects else []

    def _remember_presumed_end(self, run_id: str, happened: FeedEvent, change: _Change, intents: list[Intent]) -> None:
        if change.presumed and change.status in TERMINAL and intents:
            self._presumed[run_id] = (happened.recorded_at, intents)
        while self._presumed:
            oldest, (at, _) = next(iter(self._presumed.items()))
            if happened.recorded_at - at <= CORRECTION_DAYS * _DAY:
                return
            del self._presumed[oldest]


def _change(happened: FeedEvent) -> _Change | None:
    if kind_of(happened.envelope.stream) != "run":
        return None
    match happened.event:
        case RunStartedEvent() as event:
            return _Change(None, event.status)
        case RunStatusChangedEvent() as event:
            return _Change(event.previous, event.status, event.presumed)
        case RunResumedEvent() as event:
            return _Change(event.previous, RunStatus.RUNNING)
        case _:
            return None
