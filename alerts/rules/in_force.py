"""The rules in force at a position: a fold over their events."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ledger.feed import FeedEvent
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    AlertRuleTemplateFailedEvent,
)
from schemas.rules import RuleDefinition, definition_of
from schemas.streams import key_of, kind_of


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; its version is the position of the event that made it so, `since` that of its first one.

    `definition` is None where this program cannot read it in full: it might say less than it seems to.
    `owner` is who made it say that, and `template_failure` why a template of this version could not be used.
    """

    id: str
    version: int
    definition: RuleDefinition | None
    enabled: bool = True
    deleted: bool = False
    unreadable: str = ""
    since: int = 0
    owner: str = ""
    template_failure: str = ""


class Rules:
    """Every rule that is not deleted."""

    def __init__(self) -> None:
        """No rules."""
        self._rules: dict[str, Rule] = {}

    def fold(self, happened: FeedEvent) -> str | None:
        """Take in an event of any kind, and answer with the id of the rule it is about; it never raises."""
        if kind_of(happened.envelope.stream) != "rule":
            return None
        match happened.event:
            case AlertRuleDefinedEvent() | AlertRuleChangedEvent() as event:
                self._define(happened, event)
            case AlertRuleEnabledEvent() | AlertRuleDisabledEvent() as event:
                self._enable(happened, enabled=isinstance(event, AlertRuleEnabledEvent))
            case AlertRuleDeletedEvent():
                self._rules.pop(key_of(happened.envelope.stream), None)
            case AlertRuleTemplateFailedEvent() as event:
                self._note_template(key_of(happened.envelope.stream), event)
                return None
            case _:
                return None
        return key_of(happened.envelope.stream)

    def in_force(self) -> Iterator[tuple[Rule, RuleDefinition]]:
        """The rules that are enabled and can be read, in the order of their definition."""
        for rule in self._rules.values():
            if rule.enabled and rule.definition is not None:
                yield rule, rule.definition

    def get(self, rule_id: str) -> Rule | None:
        """One rule, in force or not."""
        return self._rules.get(rule_id)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def _define(self, happened: FeedEvent, event: AlertRuleDefinedEvent | AlertRuleChangedEvent) -> None:
        rule_id = key_of(happened.envelope.stream)
        definition, why = _read(event)
        before = self._rules.get(rule_id)
        enabled = before.enabled if before else True
        since = before.since if before else happened.position
        self._rules[rule_id] = Rule(
            rule_id,
            happened.position,
            definition,
            enabled=enabled,
            unreadable=why,
            since=since,
            owner=happened.envelope.actor,
        )

    def _enable(self, happened: FeedEvent, *, enabled: bool) -> None:
        before = self._rules.get(key_of(happened.envelope.stream))
        if before is not None:
            # What it says is still of the event that said it.
            self._rules[before.id] = replace(before, enabled=enabled)

    def _note_template(self, rule_id: str, event: AlertRuleTemplateFailedEvent) -> None:
        before = self._rules.get(rule_id)
        if before is not None and before.version == event.rule_version:
            self._rules[rule_id] = replace(before, template_failure=event.because)


def _read(event: AlertRuleDefinedEvent | AlertRuleChangedEvent) -> tuple[RuleDefinition | None, str]:
    try:
        return definition_of(event.definition), ""
    except ValueError as error:
        return None, str(error)
