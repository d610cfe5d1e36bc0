"""An intent: that one recipient is to be told one thing, with an identity that anybody can derive."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from alerts.rules.suppressing import Subject
from schemas.addresses import EMAIL
from schemas.rules import RuleDefinition

FIRED = "fired"
CORRECTED = "corrected"

_FORM = b"runledger/notification/1\n"
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Intent:
    """One notification that should be; `trigger` is the position that caused it.

    `rule_version` is the position of the rule's event that was in force then, `definition` what it
    said. `suppressed` says which earlier event, or what else, keeps it from being sent.
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

    @property
    def message(self) -> tuple[str, int, int, str, int]:
        """What the messages to all recipients have in common."""
        return self.rule, self.rule_version, self.trigger, self.kind, self.sequence

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


def _hash(parts: Iterable[str]) -> str:
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return sha256(_FORM + b"".join(b"%d:%b," % (len(part), part) for part in encoded)).hexdigest()[:_DIGITS]
