"""Digests: what may not be told now is told together, later, and nothing of it is dropped."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.evaluate.bundle import Bundle
from alerts.evaluate.firing import Firing, episode_of
from alerts.evaluate.intent import DIGEST
from alerts.evaluate.timers import Timers
from alerts.rules.in_force import Rule
from schemas.rules import RuleDefinition


@dataclass(frozen=True, slots=True)
class DigestPlace:
    """A digest among all: of which rule, for whom, and why it waits."""

    rule: str
    recipient: str
    why: str


@dataclass(slots=True)
class _Digest:
    rule: Rule
    definition: RuleDefinition
    episode: str
    bundle: Bundle


class Digests:
    """What waits, for each rule, recipient and reason, and until when."""

    def __init__(self, timers: Timers) -> None:
        """Nothing waits."""
        self._timers = timers
        self._digests: dict[DigestPlace, _Digest] = {}

    def hold(
        self,
        rule: Rule,
        definition: RuleDefinition,
        recipient: str,
        why: str,
        bundle: Bundle,
        until: int,
        of: str = "",
    ) -> str:
        """Let things wait until then, or with those that wait already; the answer is the episode.

        `of` tells what opens it from what was opened by the same thing before: it may be told again.
        """
        place = DigestPlace(rule.id, recipient, why)
        found = self._digests.get(place)
        if found is None:
            episode = episode_of(rule.id, f"{DIGEST} {why}{of}", (), recipient, bundle.first[0].opening)
            found = self._digests[place] = _Digest(rule, definition, episode, bundle.copy())
            self._timers.set(place, until)
        else:
            found.bundle.merge(bundle)
        return found.episode

    def waits(self, rule_id: str, recipient: str, why: str) -> bool:
        """Whether something waits already."""
        return DigestPlace(rule_id, recipient, why) in self._digests

    def due(self, place: DigestPlace, at: int) -> Firing:
        """What waited, at its moment."""
        found = self._digests.pop(place)
        return Firing(
            rule=found.rule,
            definition=found.definition,
            recipient=place.recipient,
            kind=DIGEST,
            sequence=1,
            episode=found.episode,
            at=at,
            bundle=found.bundle,
        )

    def waiting(self) -> Iterator[tuple[str, str, Bundle]]:
        """What waits, by rule and recipient."""
        for place, digest in self._digests.items():
            yield place.rule, place.recipient, digest.bundle

    def drop(self, rule_id: str) -> None:
        """Forget what waits because of a rule: it is out of force."""
        for place in [place for place in self._digests if place.rule == rule_id]:
            self._timers.cancel(place)
            del self._digests[place]

    def __len__(self) -> int:
        return len(self._digests)
