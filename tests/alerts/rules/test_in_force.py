"""Which rules are in force is told by their events' order alone."""

from alerts.rules.in_force import Rules
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    OpaqueEvent,
)
from tests.alerts.story import Story


def in_force(story: Story) -> dict[str, int]:
    rules = Rules()
    for happened in story.events:
        rules.fold(happened)
    return {rule.id: rule.version for rule, _ in rules.in_force()}


def test_a_version_is_the_position_of_the_event_that_said_it() -> None:
    story = Story()
    defined = story.rule()
    assert in_force(story) == {"r1": defined.position}

    event = defined.event
    assert isinstance(event, AlertRuleDefinedEvent)
    changed = story.add("rule:r1", AlertRuleChangedEvent(rule_name="x", definition=event.definition))
    assert in_force(story) == {"r1": changed.position}

    story.add("rule:r1", AlertRuleDisabledEvent())
    assert in_force(story) == {}
    story.add("rule:r1", AlertRuleEnabledEvent())
    assert in_force(story) == {"r1": changed.position}
    story.add("rule:r1", AlertRuleDeletedEvent())
    assert in_force(story) == {}


def test_a_rule_that_cannot_be_read_in_full_is_not_in_force_and_says_why() -> None:
    story, rules = Story(), Rules()
    definition = {"name": "n", "recipients": ["m@x.org"], "only_at_night": True}
    rules.fold(story.add("rule:r1", AlertRuleDefinedEvent(rule_name="n", definition=definition)))

    [rule] = rules
    assert (rule.definition, list(rules.in_force())) == (None, [])
    assert "only_at_night" in rule.unreadable


def test_strange_events_change_nothing() -> None:
    story = Story()
    story.add("rule:r1", AlertRuleEnabledEvent())
    story.add("rule:r1", OpaqueEvent("runledger.alert-rule.renamed.v7", b"", "unknown"))
    story.add("rule:r1", AlertRuleDeletedEvent())
    story.add("run:r1", AlertRuleDefinedEvent(rule_name="n", definition={"name": "n", "recipients": ["m@x.org"]}))

    assert in_force(story) == {}
