"""Why each rule did or did not tell of a run: read from the log, by the evaluator that decided it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.evaluate.changes import change_of, is_raised
from alerts.evaluate.evaluator import READ, Evaluator
from alerts.evaluate.firing import Held
from alerts.evaluate.intent import Intent
from alerts.evaluate.runs import FeedRunEvents, folded
from alerts.rules.in_force import Rule, Rules
from alerts.rules.matching import is_about, why_not
from alerts.rules.transition import Transition
from ledger.errors import RunNotFoundError
from ledger.feed import Feed, FeedEvent

_AT_ONCE = 5_000

Reason = dict[str, Any]
"""A rule, what happened to the run, whether it was told, and why (not)."""


@dataclass
class _Heard:
    """What the evaluator said: what waits in which episode, and what was told of each."""

    held: list[Held] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)

    def outcome(self, rule: str, recipient: str, trigger: int) -> Reason | None:
        """What became of one thing for one recipient."""
        for intent in self.intents:
            if (intent.rule, intent.recipient, intent.trigger) == (rule, recipient, trigger) and not intent.members:
                return _told(intent, [])
        for held in self.held:
            member = held.member
            about = (held.rule, held.recipient, held.episode) == (rule, recipient, None)
            if about and member is not None and member.trigger == trigger:
                return self._followed(held)
        for intent in self.intents:
            triggers = {member.trigger for member in intent.members}
            if (intent.rule, intent.recipient) == (rule, recipient) and trigger in triggers:
                return _told(intent, [])
        return None

    def _followed(self, held: Held) -> Reason:
        episode, why = held.into, [held.why]
        for other in self.held:
            if other.episode == episode:
                episode, why = other.into, [*why, other.why]
        found = next((intent for intent in self.intents if intent.episode == episode and _includes(intent, held)), None)
        if found is None:
            return {"told": False, "because": f"it waits to be told ({_words(why)})", "notification": None}
        return _told(found, why)


def explain(feed: Feed, run_id: str, states: Mapping[str, str]) -> list[Reason]:
    """For each rule and each change of a run that it might be about: whether it was told, and why (not).

    `states` is what became of notifications, by their ids.

    Raises:
        RunNotFoundError: no such run.
    """
    events = feed.of_run(run_id)
    if not events:
        raise RunNotFoundError(run_id)
    asked = {happened.position for happened in events if change_of(happened) is not None or is_raised(happened)}
    heard = _Heard()
    evaluator = Evaluator(FeedRunEvents(feed), hear=_hearing(heard, run_id))
    found: list[Reason] = []
    deadlines: set[str] = set()
    position = 0
    while batch := feed.skimmed(position, _AT_ONCE, READ):
        for happened in batch:
            intents = evaluator.fold(happened)
            heard.intents += [intent for intent in intents if _concerns(intent, run_id, heard)]
            if happened.position in asked:
                transition = evaluator.seen(run_id, happened)
                found += _reasons(evaluator.rules, transition, happened)
        position = batch[-1].position
    deadlines = {intent.rule for intent in heard.intents if intent.definition.at_other_times}
    told = [_finished(reason, heard, states) for reason in found]
    told += [_of_deadline(intent, run_id, states) for intent in heard.intents if _is_deadline(intent, asked)]
    told += [_not_yet(rule, events) for rule in evaluator.rules if not _waits(rule) and rule.since > max(asked)]
    never = [rule for rule in evaluator.rules if _waits(rule) and rule.id not in deadlines]
    state = folded(run_id, events).became(None)
    return told + [_not_passed(rule, state, events[-1]) for rule in never if rule.definition is not None]


def _hearing(heard: _Heard, run_id: str) -> Any:
    episodes: set[str] = set()

    def hear(held: Held) -> None:
        if held.episode in episodes:
            heard.held.append(held)
        elif held.member is not None and held.member.subject.transition.run_id == run_id:
            # It waits alone: no group that it is in was heard of before.
            heard.held.append(replace(held, episode=None))
        else:
            return
        episodes.add(held.into)

    return hear


def _concerns(intent: Intent, run_id: str, heard: _Heard) -> bool:
    return intent.run_id == run_id or any(held.into == intent.episode for held in heard.held)


def _includes(intent: Intent, held: Held) -> bool:
    return held.member is None or intent.trigger >= held.member.trigger


def _reasons(rules: Rules, transition: Transition, happened: FeedEvent) -> list[Reason]:
    found = []
    for rule in rules:
        if _waits(rule):
            continue
        why = _why_not(rule, transition)
        found.append(
            {
                "rule_id": rule.id,
                "rule": rule.definition.name if rule.definition is not None else rule.id,
                "position": happened.position,
                "happened": _happened(transition),
                "told": False,
                "because": why,
                "recipients": list(rule.definition.recipients) if rule.definition is not None else [],
            }
        )
    return found


def _why_not(rule: Rule, transition: Transition) -> str | None:
    if rule.definition is None:
        return f"this program cannot read the rule: {rule.unreadable}"
    if not rule.enabled:
        return "the rule is out of force"
    return why_not(rule.definition, transition)


def _happened(transition: Transition) -> str:
    if transition.raised is not None:
        return f"{transition.raised.level}: {transition.raised.title}"
    return f"{transition.previous} -> {transition.status}" if transition.previous else str(transition.status)


def _finished(reason: Reason, heard: _Heard, states: Mapping[str, str]) -> Reason:
    """The reason of a rule that matched, with what became of it for each recipient."""
    recipients = reason.pop("recipients")
    if reason["because"] is not None:
        return reason | {"notifications": []}
    known = {intent.recipient for intent in heard.intents if intent.rule == reason["rule_id"]}
    known |= {held.recipient for held in heard.held if held.rule == reason["rule_id"]}
    outcomes = []
    for recipient in sorted(known | {each for each in recipients if not each.startswith("@")}):
        outcome = heard.outcome(reason["rule_id"], recipient, reason["position"])
        if outcome is not None:
            outcomes.append({"recipient": recipient, "state": states.get(outcome["notification"] or ""), **outcome})
    told = any(each["told"] for each in outcomes)
    because = "; ".join(dict.fromkeys(each["because"] for each in outcomes)) or "it matches"
    return reason | {"told": told, "because": because, "notifications": outcomes}


def _told(intent: Intent, held: Iterable[str]) -> Reason:
    if intent.suppressed:
        return {"told": False, "because": intent.suppressed, "notification": intent.id}
    how = [f"{intent.kind} {intent.sequence}"] if intent.members else []
    words = _words([*held, *how])
    return {"told": True, "because": f"it matches{f' ({words})' if words else ''}", "notification": intent.id}


def _words(held: Iterable[str]) -> str:
    return ", ".join(_HELD.get(each, each) for each in held)


def _is_deadline(intent: Intent, asked: set[int]) -> bool:
    return intent.definition.at_other_times and intent.subject.transition.raised is None and bool(asked)


def _of_deadline(intent: Intent, run_id: str, states: Mapping[str, str]) -> Reason:
    outcome = _told(intent, [])
    return {
        "rule_id": intent.rule,
        "rule": intent.definition.name,
        "position": intent.trigger,
        "happened": f"a deadline of {run_id} passed",
        "told": outcome["told"],
        "because": outcome["because"],
        "notifications": [{"recipient": intent.recipient, "state": states.get(intent.id), **outcome}],
    }


def _not_yet(rule: Rule, events: Sequence[FeedEvent]) -> Reason:
    return {
        "rule_id": rule.id,
        "rule": rule.definition.name if rule.definition is not None else rule.id,
        "position": events[-1].position,
        "happened": "everything",
        "told": False,
        "because": f"the rule acts from position {rule.since} on, where it was defined",
        "notifications": [],
    }


def _waits(rule: Rule) -> bool:
    return rule.definition is not None and rule.definition.on is not None and rule.definition.on.what in _DEADLINES


def _not_passed(rule: Rule, state: Transition, last: FeedEvent) -> Reason:
    definition = rule.definition
    about = definition is not None and is_about(definition, state)
    return {
        "rule_id": rule.id,
        "rule": definition.name if definition is not None else rule.id,
        "position": last.position,
        "happened": "no deadline passed",
        "told": False,
        "because": "its deadline has not passed for this run" if about else "it is not about such runs",
        "notifications": [],
    }


_HELD = {
    "group": "told with its group",
    "late": "reported late: in a digest",
    "throttled": "over the throttle: in a digest",
    "limited": "over the limit of the recipient: in a digest",
}
_DEADLINES = frozenset({"unfinished", "stuck", "missing"})
