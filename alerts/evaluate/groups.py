"""Groups: what has attributes in common is told in one mail after a wait, and more of it at intervals.

A group belongs to one version of a rule and one recipient. It opens with the first thing, and its
identity comes from there. Whatever came before the moment at which a mail is due is in that mail, so
it does not matter when anybody looks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from alerts.evaluate.bundle import Bundle, Member
from alerts.evaluate.firing import By, Firing, episode_of
from alerts.evaluate.intent import CORRECTED, FIRED, REPEATED, RESOLVED
from alerts.evaluate.timers import Timers
from alerts.rules.in_force import Rule, Rules
from alerts.rules.transition import Transition
from schemas.rules import Grouping, RuleDefinition

KEPT_DAYS = 30
"""How long a group waits for the success that resolves it."""

_SECOND = 1_000
_DAY = 24 * 3_600 * _SECOND

GROUP = "group"
GroupKey = tuple[str, int, By]


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """A group among all: its rule, version and attributes, and whom it is for."""

    key: GroupKey
    recipient: str


@dataclass(slots=True)
class Group:
    """What one recipient is told of together: what waits, and what was told since the group opened.

    `awaited` are runs and experiments whose deadline passed and that may still make good for it, and
    `made_good` those that did. With `thread` it corrects what was told there.
    """

    rule: Rule
    definition: RuleDefinition
    grouping: Grouping
    recipient: str
    by: By
    episode: str
    waiting: Bundle | None = None
    told: Bundle | None = None
    sequence: int = 0
    repeats: int = 0
    last_at: int = 0
    is_over: bool = False
    thread: str | None = None
    awaited: dict[str, None] = field(default_factory=dict)
    made_good: list[Member] = field(default_factory=list)

    def take(self, member: Member) -> None:
        """Let a thing wait to be told."""
        if self.waiting is None:
            self.waiting = Bundle(member)
        else:
            self.waiting.add(member)


class Groups:
    """The open groups, and when the next mail of each is due."""

    def __init__(self, rules: Rules, timers: Timers, expiries: Timers) -> None:
        """No groups; `expiries` are the moments at which one is forgotten and nobody is told."""
        self._rules = rules
        self._timers = timers
        self._expiries = expiries
        self._groups: dict[GroupKey, dict[str, Group]] = {}
        self._of_rule: dict[str, set[GroupKey]] = {}
        self._awaiting: dict[tuple[str, str], dict[GroupPlace, None]] = {}

    def add(self, rule: Rule, definition: RuleDefinition, by: By, member: Member, awaited: str | None = None) -> str:
        """Let a thing wait in its group; the answer is the episode that it will be told in.

        `awaited` names the run or experiment whose deadline passed.
        """
        key, recipient = (rule.id, rule.version, by), member.subject.recipient
        group = self._groups.get(key, {}).get(recipient)
        if group is None:
            episode = episode_of(rule.id, GROUP, by, recipient, member.opening)
            group = Group(rule, definition, _how(definition), recipient, by, episode)
            self._open(key, group, member)
        if awaited is not None:
            group.awaited[awaited] = None
            self._awaiting.setdefault((rule.id, awaited), {})[GroupPlace(key, recipient)] = None
        self._take(key, group, member)
        return group.episode

    def correct(self, rule: Rule, definition: RuleDefinition, member: Member, thread: str, by: By) -> str:
        """Let a correction of what was told in a thread wait, for more of them; the answer is its episode."""
        key, recipient = (rule.id, rule.version, ((CORRECTED, thread),)), member.subject.recipient
        group = self._groups.get(key, {}).get(recipient)
        if group is None:
            episode = episode_of(rule.id, f"{CORRECTED} {thread}", (), recipient, member.opening)
            group = Group(rule, definition, _how(definition), recipient, by, episode, thread=thread)
            self._open(key, group, member)
        self._take(key, group, member)
        return group.episode

    def waiting(self) -> Iterator[tuple[str, str, Bundle]]:
        """What waits, by rule and recipient."""
        for groups in self._groups.values():
            for group in groups.values():
                if group.waiting is not None:
                    yield group.rule.id, group.recipient, group.waiting

    def awaits(self, rule_id: str, about: str) -> bool:
        """Whether a group was told that a deadline passed, and of nothing that makes good for it."""
        return (rule_id, about) in self._awaiting

    def over(self, rule_id: str, about: str, member: Member) -> Iterator[str]:
        """What a deadline was waited for has come: the groups that were told of nothing else are told of that."""
        for place in self._awaiting.pop((rule_id, about), {}):
            group = self._groups[place.key][place.recipient]
            del group.awaited[about]
            group.made_good.append(_for(member, group.recipient))
            if group.awaited:
                continue
            made_good, group.made_good = group.made_good, []
            if group.grouping.resolved:
                for each in made_good:
                    self._take(place.key, group, each)
                yield group.episode
            elif group.waiting is None:
                self._timers.cancel(place)
                group.is_over = True
                self._expiries.set(place, member.subject.at + group.grouping.interval_seconds * _SECOND)

    def recover(self, rule: Rule, by: By, member: Member) -> Iterator[str]:
        """A run of a group completed: whoever was told of the group is told of that."""
        key = (rule.id, rule.version, by)
        for group in list(self._groups.get(key, {}).values()):
            if group.waiting is not None or not group.is_over:
                self._take(key, group, _for(member, group.recipient))
                yield group.episode

    def due(self, place: GroupPlace, at: int, now: int) -> Firing | None:
        """What is to be told of a group at its moment, which was noticed at `now`."""
        group = self._groups[place.key][place.recipient]
        in_force = self._in_force(group)
        if group.waiting is None:
            group.repeats += 1
            firing = _firing(group, REPEATED, at, group.told) if group.told and in_force else None
            # Repeats that nobody saw to are not made up for.
            at = at if now - at < (group.grouping.repeat_seconds or 0) * _SECOND else now
        else:
            firing = _told(group, at)
        group.is_over = firing is not None and firing.kind == RESOLVED
        self._go_on(place, group, at, in_force=in_force)
        return firing

    def expire(self, place: GroupPlace) -> None:
        """Forget a group that nothing came to."""
        self._forget(place)

    def drop(self, rule_id: str) -> None:
        """Forget all that a rule has: it is out of force."""
        for key in sorted(self._of_rule.get(rule_id, ())):
            for recipient in list(self._groups[key]):
                self._forget(GroupPlace(key, recipient))

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def _open(self, key: GroupKey, group: Group, member: Member) -> None:
        ahead = group.grouping.wait_seconds - group.grouping.interval_seconds
        group.last_at = member.subject.at + ahead * _SECOND
        self._groups.setdefault(key, {})[group.recipient] = group
        self._of_rule.setdefault(group.rule.id, set()).add(key)

    def _take(self, key: GroupKey, group: Group, member: Member) -> None:
        if group.waiting is None:
            place = GroupPlace(key, group.recipient)
            self._expiries.cancel(place)
            self._timers.set(place, max(member.subject.at, group.last_at + group.grouping.interval_seconds * _SECOND))
        group.take(member)

    def _go_on(self, place: GroupPlace, group: Group, at: int, *, in_force: bool) -> None:
        group.last_at = at
        grouping = group.grouping
        if not in_force:
            self._forget(place)
        elif group.repeats < _repeats(group) and grouping.repeat_seconds is not None and not group.is_over:
            self._timers.set(place, at + grouping.repeat_seconds * _SECOND)
        else:
            waits = grouping.resolved and not group.is_over and group.thread is None
            kept = KEPT_DAYS * _DAY if waits else grouping.interval_seconds * _SECOND
            self._expiries.set(place, at + kept)

    def _in_force(self, group: Group) -> bool:
        now = self._rules.get(group.rule.id)
        return now is not None and now.version == group.rule.version

    def _forget(self, place: GroupPlace) -> None:
        key = place.key
        for timers in (self._timers, self._expiries):
            timers.cancel(place)
        groups = self._groups.get(key, {})
        group = groups.pop(place.recipient, None)
        for about in () if group is None else group.awaited:
            places = self._awaiting[key[0], about]
            del places[place]
            if not places:
                del self._awaiting[key[0], about]
        if not groups:
            self._groups.pop(key, None)
            of_rule = self._of_rule.get(key[0], set())
            of_rule.discard(key)
            if not of_rule:
                self._of_rule.pop(key[0], None)


def common(grouping: Grouping, happened: Transition) -> By | None:
    """The attributes that a run is grouped by; None where it lacks one."""
    found = []
    for attribute in grouping.by:
        value = happened.value(attribute)
        if value is None:
            return None
        found.append((attribute, value))
    return tuple(found)


def _told(group: Group, at: int) -> Firing | None:
    waiting, group.waiting = group.waiting, None
    if waiting is None:
        return None
    if group.told is None:
        group.told = waiting.copy()
    else:
        group.told.merge(waiting)
    if group.thread is not None:
        return _firing(group, CORRECTED, at, waiting)
    return _firing(group, RESOLVED if waiting.last.recovers else FIRED, at, waiting)


def _firing(group: Group, kind: str, at: int, bundle: Bundle) -> Firing:
    group.sequence += 1
    return Firing(
        rule=group.rule,
        definition=group.definition,
        recipient=group.recipient,
        kind=kind,
        sequence=group.sequence,
        episode=group.episode,
        at=at,
        bundle=bundle.copy(),
        by=group.by,
        thread=group.thread,
    )


def _how(definition: RuleDefinition) -> Grouping:
    return definition.group or Grouping()


def _repeats(group: Group) -> int:
    """How often it is told again; what a correction says is over."""
    return group.grouping.repeats if group.thread is None else 0


def _for(member: Member, recipient: str) -> Member:
    return replace(member, subject=replace(member.subject, recipient=recipient))
