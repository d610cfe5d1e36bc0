"""The Silence aggregate: what is not notified, until when, and who wants it so."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ledger.domain.aggregate import LedgerAggregate
from ledger.errors import BadRuleError, RefusedError, SilenceNotFoundError
from ledger.users.tokens import milliseconds
from schemas.events import Event, Matcher, SilenceCreatedEvent, SilenceEndedEvent

MATCHERS = 20

_ATTRIBUTES = ("experiment", "run", "status", "rule", "rule_name", "recipient", "kind")
_KEYED = ("tag", "property", "parameter")
_OPERATORS = ("=", "!=", "=~", "!~")
_VALUE_LENGTH = 5_000


class Silence(LedgerAggregate):
    """One silence: it never changes, and ends at its time or before."""

    kind = "silence"

    matchers: list[Matcher]
    until: int
    ended: bool

    def begin_state(self) -> None:
        """Nothing is silenced."""
        self.matchers, self.until, self.ended = [], 0, False

    def create(self, matchers: Sequence[Mapping[str, str]], until: datetime, who: str | None) -> None:
        """Silence what every matcher matches; the same again is nothing to do."""
        found, end = [_matcher(each) for each in matchers], milliseconds(until)
        if self.exists:
            if (self.matchers, self.until) != (found, end):
                raise RefusedError(f"there is a silence {self.key} already; choose another id")
            return
        if not found:
            raise BadRuleError(
                "a silence names what it is about, such as experiment=vision; it would keep back every mail otherwise"
            )
        if len(found) > MATCHERS:
            raise BadRuleError(f"a silence has at most {MATCHERS} conditions")
        if end <= milliseconds(self._required_context().now):
            raise BadRuleError(f"a silence until {until.isoformat()} is over already")
        self.decide(SilenceCreatedEvent, matchers=found, until=end, who=who)

    def end(self) -> None:
        """End the silence now; again is nothing to do."""
        if not self.exists:
            raise SilenceNotFoundError(self.key)
        if not self.ended:
            self.decide(SilenceEndedEvent)

    def apply(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case SilenceCreatedEvent():
                self.matchers, self.until = event.matchers, event.until
            case SilenceEndedEvent():
                self.ended = True
            case _:
                pass


def _matcher(content: Mapping[str, str]) -> Matcher:
    attribute, operator, value = (content.get(name, "") for name in ("attribute", "operator", "value"))
    of, colon, key = attribute.partition(":")
    if attribute not in _ATTRIBUTES and not (colon and key and of in _KEYED):
        raise BadRuleError(
            f"nothing can be silenced by {attribute!r}; by {', '.join(_ATTRIBUTES)}, or {', '.join(_KEYED)} with "
            "a key, such as tag:team"
        )
    if operator not in _OPERATORS:
        raise BadRuleError(f"{operator!r} compares nothing; {', '.join(_OPERATORS)} do")
    if len(value) > _VALUE_LENGTH or len(key) > _VALUE_LENGTH:
        raise BadRuleError(f"a condition of a silence has at most {_VALUE_LENGTH:,} characters")
    return Matcher.model_validate({"attribute": attribute, "operator": operator, "value": value})
