"""What is about to be told of a bundle, before it is known whether it may be told now."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from alerts.evaluate.bundle import Bundle, Member
from alerts.evaluate.intent import Intent, episode_id, notification_id
from alerts.rules.in_force import Rule
from alerts.rules.suppressing import Suppressors
from schemas.addresses import EMAIL, channel_in
from schemas.rules import RuleDefinition

By = tuple[tuple[str, str], ...]
"""What the things of a group have in common: attributes with their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One mail to one recipient, due at a moment in `recorded_at` (milliseconds)."""

    rule: Rule
    definition: RuleDefinition
    recipient: str
    kind: str
    sequence: int
    episode: str
    at: int
    bundle: Bundle
    by: By = ()
    rules: tuple[tuple[str, str], ...] = ()
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """That something is told later, and with what: the episode `into`; of an event, or of an `episode`."""

    rule: str
    recipient: str
    why: str
    into: str
    member: Member | None = None
    episode: str | None = None


Hear = Callable[[Held], None]


def deaf(_: Held) -> None:
    """Where nobody wants to know."""


def episode_of(rule: str, what: str, by: By, recipient: str, opening: bytes) -> str:
    """The identity of what begins with a thing and may go on; no run id has a space."""
    return episode_id(rule, f"{what} {json.dumps([list(by), recipient])}", opening)


def intent_of(firing: Firing, suppressors: Suppressors) -> Intent:
    """The intent; it is suppressed if all that it would tell of is."""
    bundle = firing.bundle
    members = tuple(
        replace(each, subject=replace(each.subject, kind=firing.kind, at=firing.at)) for each in bundle.first
    )
    intent = Intent(
        id=notification_id(firing.rule.id, firing.episode, firing.kind, firing.sequence, firing.recipient),
        episode=firing.episode,
        rule_version=firing.rule.version,
        definition=firing.definition,
        trigger=bundle.last.trigger,
        sequence=firing.sequence,
        subject=members[-1 if bundle.count <= len(members) else 0].subject,
        members=members,
        count=bundle.count,
        counts=tuple(sorted(bundle.counts.items())),
        by=firing.by,
        rules=firing.rules,
        presumed=tuple(bundle.presumed),
        within=firing.thread,
        channel=channel_in(firing.recipient) or EMAIL,
    )
    return replace(intent, suppressed=intent.suppressed_by(suppressors.of))
