"""Silences, unsubscribes and rules out of force keep from being sent what they are about."""

from dataclasses import replace

import pytest

from alerts.rules.suppressing import Subject, Suppressors, suppresses
from alerts.rules.transition import Transition
from schemas.events import (
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    Encrypted,
    Matcher,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
    SilenceEndedEvent,
)
from schemas.statuses import RunStatus
from tests.alerts.story import MARIA, SECOND, START, Story

RUN = Transition(run_id="a", experiment="vision-7", status=RunStatus.FAILED, tags={"team": "red"}, parameters={"n": 3})
SUBJECT = Subject("r1", "failures", MARIA, "fired", RUN, START + 100 * SECOND)


def suppressed(story: Story, subject: Subject = SUBJECT) -> str | None:
    suppressors = Suppressors()
    for happened in story.events:
        suppressors.fold(happened)
    return suppressors.of(subject)


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "silent"),
    [
        ("experiment", "=", "vision-7", True),
        ("experiment", "=", "vision", False),
        ("experiment", "!=", "vision", True),
        ("experiment", "=~", "vision-*", True),
        ("experiment", "!~", "vision-*", False),
        ("run", "=", "a", True),
        ("rule", "=", "r1", True),
        ("rule_name", "=", "failures", True),
        ("recipient", "=~", "*@example.org", True),
        ("status", "=", "Failed", True),
        ("tag:team", "=", "red", True),
        ("tag:team", "=", "blue", False),
        ("tag:absent", "=", "", True),
        ("parameter:n", "=", "3", True),
        ("mood:n", "!=", "3", False),
        ("colour", "!=", "red", False),
    ],
)
def test_a_silence_is_about_what_it_matches(attribute: str, operator: str, value: str, *, silent: bool) -> None:
    story = Story()
    story.silence(Matcher.model_validate({"attribute": attribute, "operator": operator, "value": value}))

    assert suppressed(story) == ("silenced by silence:s1 at position 1" if silent else None)


def test_every_matcher_has_to_match() -> None:
    story = Story()
    story.silence(Matcher(attribute="run", value="a"), Matcher(attribute="rule", value="r2"))

    assert suppressed(story) is None


def test_a_silence_is_over_at_its_time_or_before() -> None:
    story = Story()
    story.silence(seconds=99)
    at = START + 100 * SECOND
    assert suppressed(story, replace(SUBJECT, at=at - 1)) is not None
    assert suppressed(story, replace(SUBJECT, at=at)) is None

    story = Story()
    story.silence()
    story.add("silence:s1", SilenceEndedEvent())
    assert suppressed(story) is None


def test_an_unsubscribe_is_about_one_rule_or_all() -> None:
    story = Story()
    story.add("recipient:x", RecipientUnsubscribedEvent(recipient="Maria@Example.org", rule="r1"))
    assert suppressed(story) == "the recipient unsubscribed at position 1"
    assert suppressed(story, replace(SUBJECT, rule="r2")) is None
    assert suppressed(story, replace(SUBJECT, recipient="eve@example.org")) is None

    story.add("recipient:x", RecipientUnsubscribedEvent(recipient=MARIA))
    assert suppressed(story, replace(SUBJECT, rule="r2")) == "the recipient unsubscribed at position 2"


def test_a_recipient_that_cannot_be_read_is_nobody() -> None:
    story = Story()
    story.add("recipient:x", RecipientUnsubscribedEvent(recipient=Encrypted.of("k", "n", "c")))

    assert suppressed(story) is None


def test_a_rule_out_of_force_suppresses_its_own() -> None:
    story = Story()
    disabled = story.add("rule:r1", AlertRuleDisabledEvent())
    deleted = story.add("rule:r1", AlertRuleDeletedEvent())

    assert suppresses(disabled, SUBJECT) == "the rule was disabled at position 1"
    assert suppresses(deleted, SUBJECT) == "the rule was deleted at position 2"
    assert suppresses(disabled, replace(SUBJECT, rule="r2")) is None


def test_who_subscribes_again_is_told_again() -> None:
    story = Story()
    for rule in ("r1", "r2", None):
        story.add("recipient:m", RecipientUnsubscribedEvent(recipient=MARIA, rule=rule))
    story.add("recipient:m", RecipientResubscribedEvent(recipient=MARIA.upper(), rule="r1"))
    assert suppressed(story) == "the recipient unsubscribed at position 3"
    story.add("recipient:m", RecipientResubscribedEvent(recipient=MARIA))
    assert suppressed(story) is None
    assert suppressed(story, replace(SUBJECT, rule="r2")) is None


def test_mail_that_came_back_suppresses_every_rule_until_the_address_works() -> None:
    story = Story()
    happened = story.add("recipient:m", RecipientSuppressedEvent(recipient=MARIA.upper(), status="5.1.1"))
    why = "mail to the recipient came back, as recorded at position 1"
    assert suppressed(story) == suppressed(story, replace(SUBJECT, rule="r2")) == suppresses(happened, SUBJECT) == why
    assert suppressed(story, replace(SUBJECT, recipient="other@example.org")) is None
    story.add("recipient:m", RecipientUnsuppressedEvent(recipient=MARIA))
    assert suppressed(story) is None
