"""The AlertRule aggregate: what a rule says, and whether it is in force."""

from collections.abc import Mapping
from typing import Any

from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.statuses import may_change
from ledger.errors import BadRuleError, RefusedError, RuleNotFoundError
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    AlertRuleTemplateFailedEvent,
    AlertRuleTestedEvent,
    Event,
)
from schemas.rules import RuleDefinition, definition_of
from schemas.statuses import TERMINAL, RunStatus


class AlertRule(LedgerAggregate):
    """One rule, from its definition through every change; deleted is for good."""

    kind = "rule"

    definition: dict[str, Any]
    enabled: bool
    deleted: bool
    failed_version: int

    def begin_state(self) -> None:
        """No definition yet."""
        self.definition = {}
        self.enabled, self.deleted, self.failed_version = True, False, 0

    def define(self, content: Mapping[str, Any]) -> None:
        """Define the rule; the same definition again is nothing to do."""
        definition = checked(content)
        if not self.exists:
            self.decide(AlertRuleDefinedEvent, rule_name=definition.name, definition=definition.as_json())
        elif self.deleted or self.definition != definition.as_json():
            raise RefusedError(f"there is a rule {self.key} already; change it, or choose another id")

    def change(self, content: Mapping[str, Any]) -> None:
        """Let the rule say this from here on."""
        self._required()
        definition = checked(content)
        if self.definition != definition.as_json():
            self.decide(AlertRuleChangedEvent, rule_name=definition.name, definition=definition.as_json())

    def enable(self) -> None:
        """Put the rule into force again."""
        self._required()
        if not self.enabled:
            self.decide(AlertRuleEnabledEvent)

    def disable(self) -> None:
        """Put the rule out of force until it is enabled."""
        self._required()
        if self.enabled:
            self.decide(AlertRuleDisabledEvent)

    def test(self, run_id: str | None) -> None:
        """Let the recipients get a test, whether the rule is in force or not."""
        self._required()
        self.decide(AlertRuleTestedEvent, run_id=run_id)

    def note_template(self, version: int, because: str, run_id: str | None) -> None:
        """Note that a template of a version could not be used; again, or of an earlier one, is nothing to do."""
        self._required()
        if version > self.failed_version:
            self.decide(AlertRuleTemplateFailedEvent, rule_version=version, because=because, run_id=run_id)

    def delete(self) -> None:
        """Put the rule out of force for good; again is nothing to do."""
        if not self.deleted:
            self._required()
            self.decide(AlertRuleDeletedEvent)

    def apply(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case AlertRuleDefinedEvent() | AlertRuleChangedEvent():
                self.definition = event.definition
            case AlertRuleEnabledEvent():
                self.enabled = True
            case AlertRuleDisabledEvent():
                self.enabled = False
            case AlertRuleDeletedEvent():
                self.deleted = True
            case AlertRuleTemplateFailedEvent():
                self.failed_version = max(self.failed_version, event.rule_version)
            case _:
                pass

    def _required(self) -> None:
        if not self.exists:
            raise RuleNotFoundError(self.key)
        if self.deleted:
            raise RefusedError(f"rule {self.key} was deleted, which is for good; define another one")


def checked(content: Mapping[str, Any]) -> RuleDefinition:
    """The definition that JSON describes.

    Raises:
        BadRuleError: it cannot be, or can never match.
    """
    try:
        definition = definition_of(content)
    except ValueError as error:
        raise BadRuleError(f"this is no alert rule: {error}") from None
    if definition.from_ and not _reachable(definition):
        old, new = " or ".join(definition.from_), " or ".join(definition.statuses) or "anything else"
        raise BadRuleError(f"this alert rule can never match: a run that is {old} never becomes {new}")
    return definition


def _reachable(definition: RuleDefinition) -> bool:
    wanted = definition.statuses or tuple(RunStatus)
    return any(_may_follow(old, new) for old in definition.from_ for new in wanted)


def _may_follow(old: RunStatus, new: RunStatus) -> bool:
    return may_change(old, new) or (old in TERMINAL and new is RunStatus.RUNNING)  # another attempt
