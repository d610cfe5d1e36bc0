"""A rule or an event that nobody can read holds up none of the others."""

from schemas.events import AlertRuleChangedEvent, AlertRuleDefinedEvent, OpaqueEvent
from tests.alerts.story import Story


def test_a_rule_that_cannot_be_read_keeps_no_other_from_noticing() -> None:
    story = Story()
    story.add("rule:bad", AlertRuleDefinedEvent(rule_name="x", definition={"name": "x", "moon": "full"}))
    story.rule("good")
    story.add("rule:worse", AlertRuleDefinedEvent(rule_name="x", definition={}))
    story.add("rule:bad", AlertRuleChangedEvent(rule_name="x", definition={"to": [3]}))
    story.start()
    story.fail()
    assert [intent.rule for intent in story.intents()] == ["good"]


def test_an_event_that_cannot_be_read_keeps_no_other_from_being_noticed() -> None:
    story = Story()
    story.rule("good")
    story.start("a")
    story.start("b")
    for stream in ("run:a", "rule:good", "notifications:log", "recipient:r", "unheard-of:u"):
        story.add(stream, OpaqueEvent("runledger.run.status-changed.v9", b"\xff{", "unknown"))
    story.fail("b")
    story.fail("a")
    assert [intent.run_id for intent in story.intents()] == ["b", "a"]
