"""An intent: that one recipient is to be told one thing, with an identity that anybody can derive."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from alerts.evaluate.bundle import Member
from alerts.rules.in_force import Rule
from alerts.rules.suppressing import Subject
from schemas.addresses import EMAIL, channel_in
from schemas.rules import RuleDefinition

FIRED = "fired"
CORRECTED = "corrected"
REPEATED = "repeated"
RESOLVED = "resolved"
DIGEST = "digest"
TEST = "test"
TEMPLATE = "template"

_FORM = b"runledger/notification/1\n"
_DIGITS = 32


class Why(Protocol):
    """Tells what suppresses a subject."""

    def __call__(self, subject: Subject, /, *, of_many: bool) -> str | None:
        """For a person to read; None if nothing does. `of_many` if there are others that are not known."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One notification that should be; `trigger` is the position that caused it.

    `rule_version` is the position of the rule's event that was in force then, `definition` what it
    said. `suppressed` says which earlier event, or what else, keeps it from being sent. Of what is
    told together, `members` are the first, `count` is their number, `counts` by status, and `by` what
    they have in common; `trigger` is the position of the last. `rules` are the ids and names of all
    rules that it is of, where it is of several; `presumed` the presumed ends that it tells of, by rule
    and run; `within` the thread that it goes on.
    """

    id: str
    episode: str
    rule_version: int
    definition: RuleDefinition
    trigger: int
    sequence: int
    subject: Subject
    channel: str = EMAIL
    suppressed: str | None = None
    members: tuple[Member, ...] = ()
    count: int = 1
    counts: tuple[tuple[str, int], ...] = ()
    by: tuple[tuple[str, str], ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    presumed: tuple[tuple[str, str], ...] = ()
    within: str | None = None

    @property
    def message(self) -> tuple[str, int, int, str, int, str]:
        """What the messages to all recipients have in common; of a bundle everybody has his own."""
        own = self.id if self.members else ""
        return self.rule, self.rule_version, self.trigger, self.kind, self.sequence, own

    @property
    def thread(self) -> str:
        """What its mails belong to: the run, or of many runs the episode."""
        if self.within is not None:
            return self.within
        return self.run_id if self.count == 1 and self.run_id else f"episode {self.episode}"

    def suppressed_by(self, why: Why) -> str | None:
        """What keeps all of it from being sent; one that is silent among many keeps nobody from the others."""
        if not self.members:
            return why(self.subject, of_many=False)
        unnamed = self.count > len(self.members)
        found = [why(each.subject, of_many=unnamed) for each in self.members]
        named = {each.subject.rule for each in self.members}
        if any(rule not in named for rule, _ in self.rules):
            found.append(why(replace(self.subject, rule="", rule_name=""), of_many=True))
        return found[0] if all(found) else None

    def is_of(self, rule: str) -> bool:
        """Whether it tells of something that a rule noticed."""
        return rule == self.rule or any(rule == each for each, _ in self.rules)

    @property
    def rule(self) -> str:
        """The rule's id."""
        return self.subject.rule

    @property
    def run_id(self) -> str:
        """The run that it is about."""
        return self.subject.transition.run_id

    @property
    def recipient(self) -> str:
        """The address."""
        return self.subject.recipient

    @property
    def kind(self) -> str:
        """What it tells: that something happened, or that it was otherwise."""
        return self.subject.kind


def episode_id(rule: str, run_id: str, opening: bytes) -> str:
    """The identity of one thing that a rule noticed; `opening` is the hash of the event that opened it."""
    return _hash(["episode", rule, run_id, opening.hex()])


def notification_id(rule: str, episode: str, kind: str, sequence: int, recipient: str) -> str:
    """The identity of a notification: 32 hex digits, the same whoever derives it and how often."""
    return _hash(["notification", rule, episode, kind, str(sequence), recipient])


def intent_for(rule: Rule, definition: RuleDefinition, member: Member, episode: str, suppressed: str | None) -> Intent:
    """The intent that tells of one thing by itself."""
    subject, sequence = member.subject, 1
    return Intent(
        id=notification_id(rule.id, episode, subject.kind, sequence, subject.recipient),
        episode=episode,
        rule_version=rule.version,
        definition=definition,
        trigger=member.trigger,
        sequence=sequence,
        subject=subject,
        channel=channel_in(subject.recipient) or EMAIL,
        suppressed=suppressed,
    )


def _hash(parts: Iterable[str]) -> str:
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return sha256(_FORM + b"".join(b"%d:%b," % (len(part), part) for part in encoded)).hexdigest()[:_DIGITS]
