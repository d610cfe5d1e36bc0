"""Corrections told: with what still waits, alone, or with others in the thread of what was told with others."""

from collections.abc import Iterator

from alerts.evaluate.bundle import Member
from alerts.evaluate.corrections import Told
from alerts.evaluate.firing import episode_of
from alerts.evaluate.intent import CORRECTED, Intent, intent_for
from alerts.evaluate.windows import Windows
from alerts.rules.in_force import Rules
from alerts.rules.suppressing import Subject, Suppressors
from alerts.rules.transition import Transition
from ledger.feed import FeedEvent


class Correcting:
    """Tells that a run ended another way than was presumed."""

    def __init__(self, rules: Rules, suppressors: Suppressors, windows: Windows) -> None:
        """By the rules and suppressors in force, through these windows."""
        self._rules = rules
        self._suppressors = suppressors
        self._windows = windows

    def waiting(self, happened: FeedEvent, transition: Transition) -> set[tuple[str, str]]:
        """What waits to be told of the end that was presumed is told with its correction; by rule and recipient."""
        subject = Subject("", "", "", CORRECTED, transition, happened.recorded_at)
        return self._windows.correct_waiting(Member(happened.position, happened.hash, subject, corrects=True))

    def told(self, happened: FeedEvent, transition: Transition, told: Told) -> Iterator[Intent]:
        """Correct what was told, for each recipient of a rule that is still in force."""
        for (rule_id, recipient), before in told.items():
            rule = self._rules.get(rule_id)
            if rule is not None and rule.enabled and rule.definition is not None:
                definition = rule.definition
                subject = Subject(rule_id, definition.name, recipient, CORRECTED, transition, happened.recorded_at)
                member = Member(happened.position, happened.hash, subject, corrects=True)
                suppressed = self._suppressors.of(subject)
                if before.members and suppressed is None:
                    yield from self._windows.correct(rule, definition, member, before)
                else:
                    intent = intent_for(rule, definition, member, _episode(before, member), suppressed)
                    yield from self._windows.at_once(rule, definition, member, intent)


def _episode(before: Intent, member: Member) -> str:
    """The episode of a correction that is told alone: that of a mail about one run, or one that it opens."""
    if not before.members:
        return before.episode
    return episode_of(member.subject.rule, f"{CORRECTED} {before.thread}", (), before.recipient, member.opening)
