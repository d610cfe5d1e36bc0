"""From a thing that a rule noticed to a mail: at once, with its group, or in a digest."""

from alerts.evaluate.bundle import Bundle, Member
from alerts.evaluate.digests import DigestPlace, Digests
from alerts.evaluate.firing import Firing, Hear, Held, intent_of
from alerts.evaluate.groups import GROUP, GroupPlace, Groups, common
from alerts.evaluate.intent import FIRED, Intent, episode_id
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
    """The groups, throttles and digests of every rule that has any."""

    def __init__(self, rules: Rules, suppressors: Suppressors, timers: Timers, expiries: Timers, hear: Hear) -> None:
        """Nothing waits; `hear` is told what does."""
        self._suppressors = suppressors
        self._groups = Groups(rules, timers, expiries)
        self._throttles = Throttles()
        self._digests = Digests(timers)
        self._hear = hear

    def take(self, rule: Rule, definition: RuleDefinition, member: Member, happened_at: int) -> list[Intent]:
        """Tell of a thing that happened at `happened_at`, now or later."""
        subject = member.subject
        oldest = None if definition.max_age_seconds is None else subject.at - definition.max_age_seconds * _SECOND
        if oldest is not None and happened_at < oldest:
            until = subject.at + LATE_SECONDS * _SECOND
            into = self._digests.hold(rule, definition, subject.recipient, LATE, Bundle(member), until)
            self._hear(Held(rule.id, subject.recipient, LATE, into, member))
            return []
        by = None if definition.group is None else common(definition.group, subject.transition)
        if by is not None:
            into = self._groups.add(rule, definition, by, member)
            self._hear(Held(rule.id, subject.recipient, GROUP, into, member))
            return []
        return self._throttled(_alone(rule, definition, member))

    def recover(self, rule: Rule, definition: RuleDefinition, member: Member) -> None:
        """A run completed that the rule would have told of: its groups are told of that."""
        by = None if definition.group is None else common(definition.group, member.subject.transition)
        if by is not None:
            for into in self._groups.recover(rule, by, member):
                self._hear(Held(rule.id, member.subject.recipient, GROUP, into, member))

    def due(self, key: Key, at: int, now: int) -> list[Intent]:
        """Tell what is due at a moment, which was noticed at `now`."""
        match key:
            case GroupPlace():
                firing = self._groups.due(key, at, now)
                return [] if firing is None else self._throttled(firing)
            case DigestPlace():
                return [self._told(self._digests.due(key, at))]
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

    def _throttled(self, firing: Firing) -> list[Intent]:
        rule, definition, recipient = firing.rule, firing.definition, firing.recipient
        room_at = self._throttles.room_at(rule.id, definition, recipient, firing.at)
        if room_at <= firing.at and not self._digests.waits(rule.id, recipient, THROTTLED):
            return [self._told(firing)]
        into = self._digests.hold(rule, definition, recipient, THROTTLED, firing.bundle, room_at)
        self._hear(Held(rule.id, recipient, THROTTLED, into, firing.bundle.last, firing.episode))
        return []

    def _told(self, firing: Firing) -> Intent:
        intent = intent_of(firing, self._suppressors)
        if intent.suppressed is None:
            self._throttles.count(firing.rule.id, firing.definition, firing.recipient, firing.at)
        return intent


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
