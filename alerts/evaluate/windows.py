"""From a thing that a rule noticed to a mail: at once, with its group, or in a digest."""

from dataclasses import replace

from alerts.evaluate.bundle import Bundle, Member
from alerts.evaluate.digests import DigestPlace, Digests
from alerts.evaluate.firing import Firing, Hear, Held, episode_of, intent_of
from alerts.evaluate.groups import GROUP, GroupPlace, Groups, common
from alerts.evaluate.intent import CORRECTED, FIRED, Intent, episode_id
from alerts.evaluate.limits import LIMITED, LimitPlace, Limits
from alerts.evaluate.throttle import Throttles
from alerts.evaluate.timers import Key, Timers
from alerts.rules.in_force import Rule, Rules
from alerts.rules.suppressing import Suppressors
from schemas.rules import RuleDefinition

LATE = "late"
THROTTLED = "throttled"
LATE_SECONDS = 60
"""How long a digest of what was reported late waits for more of it."""

_SECOND = 1_000


class Windows:
    """The groups, throttles and digests of every rule that has any, and the limits of recipients."""

    def __init__(self, rules: Rules, suppressors: Suppressors, timers: Timers, expiries: Timers, hear: Hear) -> None:
        """Nothing waits; `hear` is told what does."""
        self._rules = rules
        self.limits = Limits(timers)
        self._suppressors = suppressors
        self._groups = Groups(rules, timers, expiries)
        self._throttles = Throttles()
        self._digests = Digests(timers)
        self._hear = hear

    def at_once(self, rule: Rule, definition: RuleDefinition, member: Member, intent: Intent) -> list[Intent]:
        """Tell what is a mail of its own, if its recipient has room for it."""
        if intent.suppressed is not None or self.limits.take(intent.recipient, intent.subject.at):
            return [intent]
        into = self.limits.hold(rule, definition, intent, Bundle(member))
        self._hear(Held(rule.id, intent.recipient, LIMITED, into, member))
        return []

    def take(
        self, rule: Rule, definition: RuleDefinition, member: Member, happened_at: int, awaited: str | None = None
    ) -> list[Intent]:
        """Tell of a thing that happened at `happened_at`, now or later.

        `awaited` names the run or experiment whose deadline passed.
        """
        subject = member.subject
        oldest = None if definition.max_age_seconds is None else subject.at - definition.max_age_seconds * _SECOND
        if oldest is not None and happened_at < oldest:
            until = subject.at + LATE_SECONDS * _SECOND
            into = self._digests.hold(rule, definition, subject.recipient, LATE, Bundle(member), until)
            self._hear(Held(rule.id, subject.recipient, LATE, into, member))
            return []
        by = None if definition.group is None else common(definition.group, subject.transition)
        if by is not None:
            into = self._groups.add(rule, definition, by, member, awaited)
            self._hear(Held(rule.id, subject.recipient, GROUP, into, member))
            return []
        return self._throttled(_alone(rule, definition, member))

    def recover(self, rule: Rule, definition: RuleDefinition, member: Member) -> None:
        """A run completed that the rule would have told of: its groups are told of that."""
        by = None if definition.group is None else common(definition.group, member.subject.transition)
        if by is not None:
            for into in self._groups.recover(rule, by, member):
                self._hear(Held(rule.id, member.subject.recipient, GROUP, into, member))

    def awaits(self, rule_id: str, about: str) -> bool:
        """Whether anybody was told that a deadline of a rule passed, and may be told that it is over."""
        return self._groups.awaits(rule_id, about)

    def over(self, rule: Rule, about: str, member: Member) -> None:
        """What a deadline of a rule was waited for has come."""
        for into in self._groups.over(rule.id, about, member):
            self._hear(Held(rule.id, member.subject.recipient, GROUP, into, member))

    def correct(self, rule: Rule, definition: RuleDefinition, member: Member, before: Intent) -> list[Intent]:
        """Correct what was told with others, in the thread in which it was told."""
        recipient, thread = member.subject.recipient, before.thread
        if definition.group is not None:
            into = self._groups.correct(rule, definition, member, thread, before.by)
            self._hear(Held(rule.id, recipient, GROUP, into, member))
            return []
        episode = episode_of(rule.id, f"{CORRECTED} {thread}", (), recipient, member.opening)
        return self._throttled(
            replace(_alone(rule, definition, member), kind=CORRECTED, episode=episode, thread=thread)
        )

    def correct_waiting(self, member: Member) -> set[tuple[str, str]]:
        """Add a correction to whatever still waits with the end that it corrects; by rule and recipient."""
        found = set()
        for rule_id, recipient, bundle in [
            *self._groups.waiting(),
            *self._digests.waiting(),
            *self.limits.waiting(),
        ]:
            rule = self._rules.get(rule_id)
            if (rule_id, member.subject.transition.run_id) in bundle.presumed and rule is not None:
                name = "" if rule.definition is None else rule.definition.name
                subject = replace(member.subject, rule=rule_id, rule_name=name, recipient=recipient)
                bundle.correct(rule_id, replace(member, subject=subject))
                found.add((rule_id, recipient))
        return found

    def due(self, key: Key, at: int, now: int) -> list[Intent]:
        """Tell what is due at a moment, which was noticed at `now`."""
        match key:
            case GroupPlace():
                firing = self._groups.due(key, at, now)
                return [] if firing is None else self._throttled(firing)
            case DigestPlace():
                return self._limited(self._digests.due(key, at))
            case LimitPlace():
                return self._limited(self.limits.due(key, at))
            case _:
                return []

    def expire(self, key: Key) -> None:
        """Forget a group."""
        if isinstance(key, GroupPlace):
            self._groups.expire(key)

    def drop(self, rule_id: str) -> None:
        """Forget what waits because of a rule: it is out of force."""
        self._groups.drop(rule_id)
        self._digests.drop(rule_id)
        self.limits.drop(rule_id)

    def _throttled(self, firing: Firing) -> list[Intent]:
        rule, definition, recipient = firing.rule, firing.definition, firing.recipient
        room_at = self._throttles.room_at(rule.id, definition, recipient, firing.at)
        if room_at <= firing.at and not self._digests.waits(rule.id, recipient, THROTTLED):
            return self._limited(firing)
        of = "" if firing.sequence == 1 else f" {firing.kind} {firing.sequence}"
        into = self._digests.hold(rule, definition, recipient, THROTTLED, firing.bundle, room_at, of)
        self._hear(Held(rule.id, recipient, THROTTLED, into, firing.bundle.last, firing.episode))
        return []

    def _limited(self, firing: Firing) -> list[Intent]:
        intent = intent_of(firing, self._suppressors)
        if intent.suppressed is not None:
            return [intent]
        if not self.limits.take(firing.recipient, firing.at):
            into = self.limits.hold(firing.rule, firing.definition, intent, firing.bundle)
            self._hear(Held(firing.rule.id, firing.recipient, LIMITED, into, firing.bundle.last, firing.episode))
            return []
        if not firing.rules:
            self._throttles.count(firing.rule.id, firing.definition, firing.recipient, firing.at)
        return [intent]


def _alone(rule: Rule, definition: RuleDefinition, member: Member) -> Firing:
    subject = member.subject
    return Firing(
        rule=rule,
        definition=definition,
        recipient=subject.recipient,
        kind=FIRED,
        sequence=1,
        episode=episode_id(rule.id, subject.transition.run_id, member.opening),
        at=subject.at,
        bundle=Bundle(member),
    )
