"""What nobody could send in time is told after all: all of it together, to each recipient in one digest."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from alerts.evaluate.bundle import Bundle, Member
from alerts.evaluate.intent import DIGEST, Intent, episode_id, notification_id
from schemas.rules import RuleDefinition, Templates

OVERDUE = "overdue"

_Line = tuple[str, str]


@dataclass(slots=True)
class _Digest:
    """A digest that grows; every growth is a number of its own, so that nobody takes one for another."""

    episode: str
    id: str
    bundles: dict[str, Bundle] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    growth: int = 0

    def take(self, intent: Intent) -> None:
        """Take in what an intent tells of; of a digest of several rules it is not known which is whose."""
        self.rules |= dict(intent.rules or [(intent.rule, intent.subject.rule_name)])
        key = intent.id if intent.rules else intent.rule
        if intent.members:
            bundle = Bundle.told(intent.members, intent.count, dict(intent.counts), intent.presumed)
        else:
            bundle = Bundle(Member(intent.trigger, b"", intent.subject))
        if key in self.bundles:
            self.bundles[key].merge(bundle)
        else:
            self.bundles[key] = bundle


class Overdue:
    """The digests that may still grow, one for each recipient: nobody has them, and nobody is sending them."""

    def __init__(self) -> None:
        """Nothing is overdue."""
        self._growing: dict[_Line, _Digest] = {}
        self._claimed: dict[str, _Digest] = {}

    def claim(self, intent: Intent, *, lapsed: bool) -> None:
        """A digest is as it is while somebody sends it; who let his claim lapse may have sent it."""
        digest = self._growing.get(_line(intent))
        if digest is not None and digest.id == intent.id:
            self._claimed[intent.id] = self._growing.pop(_line(intent))
        if lapsed:
            self._claimed.pop(intent.id, None)

    def settle(self, intent: Intent, *, reached: bool) -> None:
        """What the other side did not hear of may grow again; what it heard of is closed for good."""
        digest = self._claimed.pop(intent.id, None)
        if digest is not None and not reached:
            self._growing.setdefault(_line(intent), digest)

    def close(self, intent: Intent) -> None:
        """Let a digest grow no more."""
        self._claimed.pop(intent.id, None)
        digest = self._growing.get(_line(intent))
        if digest is not None and digest.id == intent.id:
            del self._growing[_line(intent)]

    def add(self, overdue: Iterable[Intent], opening: bytes, at: int) -> list[Intent]:
        """The digests, as they are with these intents; `opening` is the hash of the event that gave them up at `at`."""
        grown: dict[_Line, Intent] = {}
        for intent in overdue:
            line = _line(intent)
            if line not in self._growing:
                episode = episode_id("", f"{DIGEST} {OVERDUE} {intent.recipient}", opening)
                identity = notification_id("", episode, DIGEST, 1, intent.recipient)
                self._growing[line] = _Digest(episode, identity)
            self._growing[line].take(intent)
            grown[line] = intent
        return [_intent(self._growing[line], last, at) for line, last in grown.items()]


def _line(intent: Intent) -> _Line:
    return intent.channel, intent.recipient


def _intent(digest: _Digest, like: Intent, at: int) -> Intent:
    digest.growth += 1
    bundle = Bundle.of(digest.bundles.values())
    members = tuple(replace(each, subject=replace(each.subject, kind=DIGEST, at=at)) for each in bundle.first)
    rules = tuple(digest.rules.items())
    several = len(rules) > 1
    return replace(
        like,
        id=digest.id,
        episode=digest.episode,
        definition=_said(like.definition) if several else like.definition,
        trigger=bundle.last.trigger,
        sequence=digest.growth,
        subject=replace(like.subject, kind=DIGEST, at=at),
        suppressed=None,
        members=members,
        count=bundle.count,
        counts=tuple(sorted(bundle.counts.items())),
        by=(),
        rules=rules if several else (),
        presumed=tuple(bundle.presumed),
        within=None,
    )


def _said(definition: RuleDefinition) -> RuleDefinition:
    return definition.model_copy(update={"on": None, "severity": None, "templates": Templates()})
