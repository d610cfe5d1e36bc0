"""At most so many mails in a span of `recorded_at`: how many there were, and when there is room again."""

from collections import deque

from schemas.rules import RuleDefinition, Throttle

_SECOND = 1_000


class Throttles:
    """The moments of the last mails of each rule, to each recipient or to all."""

    def __init__(self) -> None:
        """Nothing was told."""
        self._told: dict[tuple[str, str], deque[int]] = {}

    def room_at(self, rule_id: str, definition: RuleDefinition, recipient: str, at: int) -> int:
        """When another mail may be told: `at` itself if there is room."""
        throttle = definition.throttle
        if throttle is None:
            return at
        told = self._told.get(_key(rule_id, throttle, recipient))
        while told and told[0] <= at - throttle.seconds * _SECOND:
            told.popleft()
        if told is None or len(told) < throttle.mails:
            return at
        return told[len(told) - throttle.mails] + throttle.seconds * _SECOND

    def count(self, rule_id: str, definition: RuleDefinition, recipient: str, at: int) -> None:
        """Note that a mail was told."""
        throttle = definition.throttle
        if throttle is not None:
            self._told.setdefault(_key(rule_id, throttle, recipient), deque()).append(at)


def _key(rule_id: str, throttle: Throttle, recipient: str) -> tuple[str, str]:
    return rule_id, recipient if throttle.per == "recipient" else ""
