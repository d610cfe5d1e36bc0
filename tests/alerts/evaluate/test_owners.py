"""Templates that cannot be used: the owner of the rule is told, once for each version, and not too often."""

from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleTemplateFailedEvent,
    RecipientUnsubscribedEvent,
    UserAddedEvent,
)
from schemas.rules import definition_of
from tests.alerts.story import MARIA, Story

OWNER = "owner@example.org"
MINUTE = 60


def owned(story: Story, *rules: str) -> None:
    story.add("user:u", UserAddedEvent(user_name="maria", role="writer", email=OWNER))
    for rule in rules:
        story.rule(rule, name=f"rule {rule}")


def fails(story: Story, rule: str, version: int, run_id: str | None = None) -> int:
    event = AlertRuleTemplateFailedEvent(rule_version=version, because="division by zero", run_id=run_id)
    return story.add(f"rule:{rule}", event).position


def test_the_owner_is_told_of_the_run_and_the_reason() -> None:
    story = Story()
    owned(story, "r1")
    story.start("a")
    trigger = fails(story, "r1", 2, "a")

    [intent] = story.intents()
    assert (intent.recipient, intent.kind, intent.trigger, intent.run_id) == (OWNER, "template", trigger, "a")
    raised = intent.subject.transition.raised
    assert raised is not None
    assert raised.title == "a template of the rule rule r1 cannot be used"
    assert "division by zero" in raised.text
    assert intent.suppressed is None


def test_once_for_each_version_that_the_rule_still_has() -> None:
    story = Story()
    owned(story, "r1")
    fails(story, "r1", 2)
    fails(story, "r1", 2)
    definition = definition_of({"name": "rule r1", "recipients": [MARIA], "severity": "error"}).as_json()
    changed = story.add("rule:r1", AlertRuleChangedEvent(rule_name="rule r1", definition=definition)).position
    fails(story, "r1", 2)
    fails(story, "r1", changed)

    intents = story.intents()
    assert [each.rule_version for each in intents] == [2, changed]
    assert len({each.id for each in intents}) == 2


def test_a_rule_is_not_begun_anew_by_it() -> None:
    story = Story()
    owned(story)
    story.rule("r1", on={"what": "unfinished", "seconds": 600})
    story.start("a")
    story.wait(300)
    fails(story, "r1", 2)
    story.tick(290)
    story.tick(20)

    assert [each.kind for each in story.intents()] == ["template", "fired"]


def test_who_has_no_address_is_not_told_and_the_reason_is_known() -> None:
    story = Story()
    story.rule("r1")
    fails(story, "r1", 1)

    [intent] = story.intents()
    assert intent.suppressed is not None
    assert "no address for the owner" in intent.suppressed


def test_an_owner_of_many_rules_gets_a_few_of_these_mails_an_hour() -> None:
    story = Story()
    rules = [f"r{number}" for number in range(14)]
    owned(story, *rules)
    for number, rule in enumerate(rules[:12]):
        fails(story, rule, number + 2)
    story.wait(61 * MINUTE)
    fails(story, "r13", 15)

    told = [each.suppressed is None for each in story.intents()]
    assert told == [True] * 10 + [False] * 2 + [True]


def test_an_owner_who_unsubscribed_is_left_alone() -> None:
    story = Story()
    owned(story, "r1")
    story.add("recipient:o", RecipientUnsubscribedEvent(recipient=OWNER))
    fails(story, "r1", 2)

    [intent] = story.intents()
    assert "unsubscribed" in (intent.suppressed or "")
