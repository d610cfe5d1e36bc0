"""Who changed what of a rule, when and why: from its events."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ledger.feed import FeedEvent
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    AlertRuleTemplateFailedEvent,
    AlertRuleTestedEvent,
    Event,
    readable,
)

_ACTIONS: dict[type, str] = {
    AlertRuleDefinedEvent: "defined",
    AlertRuleChangedEvent: "changed",
    AlertRuleEnabledEvent: "enabled",
    AlertRuleDisabledEvent: "disabled",
    AlertRuleDeletedEvent: "deleted",
    AlertRuleTemplateFailedEvent: "template failed",
    AlertRuleTestedEvent: "tested",
}


def changes_of(events: Iterable[FeedEvent]) -> list[dict[str, Any]]:
    """An entry for each event of a rule, oldest first, with before and after of each field that it changed."""
    before: dict[str, Any] = {}
    found = []
    for happened in events:
        event = happened.event
        after = event.definition if isinstance(event, AlertRuleDefinedEvent | AlertRuleChangedEvent) else before
        found.append(
            {
                "position": happened.position,
                "action": _ACTIONS.get(type(event), "did something that this program cannot read"),
                "who": happened.envelope.actor,
                "on_behalf_of": readable(event.on_behalf_of) if isinstance(event, Event) else None,
                "why": readable(event.reason) if isinstance(event, Event) else None,
                "at_utc": datetime.fromtimestamp(happened.recorded_at / 1_000, UTC).isoformat(timespec="milliseconds"),
                "changes": _difference(before, after),
            }
        )
        before = after
    return found


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    names = dict.fromkeys([*before, *after])
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}
