"""Intents are a pure function of the log: who is told what, of which position, under which identity."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from alerts.evaluate.corrections import CORRECTION_DAYS
from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.intent import Intent, episode_id, notification_id
from alerts.evaluate.runs import Runs, folded
from ledger.feed import FeedEvent
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    AlertRuleTestedEvent,
    Matcher,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RunOrigin,
    RunResumedEvent,
    RunTaggedEvent,
    UserAddedEvent,
    UserChangedEvent,
    UserDisabledEvent,
)
from tests.alerts.stories import stories
from tests.alerts.story import MARIA, SECOND, S, Story

DAY = 24 * 3_600 * SECOND


def test_a_run_that_fails_is_told_of_once() -> None:
    story = Story()
    rule = story.rule()
    story.start()
    failed = story.fail()

    [intent] = story.intents()
    assert (intent.rule, intent.rule_version, intent.trigger) == ("r1", rule.position, failed.position)
    assert (intent.kind, intent.sequence, intent.channel) == ("fired", 1, "email")
    assert (intent.recipient, intent.run_id, intent.suppressed) == (MARIA, "a", None)
    assert intent.episode == episode_id("r1", "a", failed.hash)
    assert intent.id == notification_id("r1", intent.episode, "fired", 1, MARIA)
    assert len(intent.id) == 32


def test_a_rule_acts_from_its_definition_on() -> None:
    story = Story()
    story.start()
    story.fail()
    story.rule()

    assert story.intents() == []


def test_a_run_is_matched_as_it_was_then() -> None:
    story = Story()
    story.rule(conditions=[{"of": "tag", "key": "team", "value": "red"}])
    story.start()
    story.start("b", tags={"team": "red"})
    story.fail()
    story.fail("b")
    story.add("run:a", RunTaggedEvent(key="team", value="red"))

    [intent] = story.intents()
    assert (intent.run_id, intent.subject.transition.tags) == ("b", {"team": "red"})


def test_the_version_in_force_is_by_position() -> None:
    story = Story()
    first = story.rule()
    story.start()
    story.fail()
    story.start("b")
    assert isinstance(first.event, AlertRuleDefinedEvent)
    definition = first.event.definition | {"recipients": ["eve@example.org"]}
    second = story.add("rule:r1", AlertRuleChangedEvent(rule_name="x", definition=definition))
    story.fail("b")
    for run_id, event in (("c", AlertRuleDisabledEvent()), ("d", AlertRuleEnabledEvent())):
        story.start(run_id)
        story.add("rule:r1", event)
        story.fail(run_id)
    story.add("rule:r1", AlertRuleDeletedEvent())
    story.start("f")
    story.fail("f")

    assert [(each.run_id, each.rule_version, each.recipient) for each in story.intents()] == [
        ("a", first.position, MARIA),
        ("b", second.position, "eve@example.org"),
        ("d", second.position, "eve@example.org"),
    ]


def test_a_run_that_begins_ended_is_told_of_too() -> None:
    story = Story()
    story.rule()
    story.start(status=S.FAILED)

    assert [intent.subject.transition.previous for intent in story.intents()] == [None]


def test_another_attempt_is_a_change_to_running() -> None:
    story = Story()
    story.rule("r1", to=["Running"], **{"from": ["Failed"]})
    story.start()
    story.fail()
    story.add("run:a", RunResumedEvent(attempt=2, previous=S.FAILED))

    assert [intent.trigger for intent in story.intents()] == [4]


def test_every_failure_is_an_episode_of_its_own() -> None:
    story = Story()
    story.rule()
    story.start()
    for _ in range(2):
        story.fail()
        story.add("run:a", RunResumedEvent(attempt=2, previous=S.FAILED))

    assert len({intent.episode for intent in story.intents()}) == 2


def test_a_corrected_presumed_end_is_told_in_the_same_episode() -> None:
    story = Story()
    story.rule(recipients=[MARIA, "eve@example.org"])
    story.rule("r2", to=["Completed"])
    story.start()
    story.fail(presumed=True)
    story.move("a", S.FAILED, S.COMPLETED)

    found = [(each.rule, each.kind, each.recipient) for each in story.intents()]
    assert found == [
        ("r1", "fired", MARIA),
        ("r1", "fired", "eve@example.org"),
        ("r1", "corrected", MARIA),
        ("r1", "corrected", "eve@example.org"),
        ("r2", "fired", MARIA),
    ]
    assert len({intent.episode for intent in story.intents() if intent.rule == "r1"}) == 1
    assert len({intent.id for intent in story.intents()}) == 5


def test_an_end_that_was_presumed_rightly_is_confirmed_and_not_told_as_new() -> None:
    story = Story()
    story.rule()
    story.start()
    story.fail(presumed=True)
    story.move("a", S.FAILED, S.FAILED)

    assert [each.kind for each in story.intents()] == ["fired", "corrected"]


@pytest.mark.parametrize("days", [CORRECTION_DAYS, CORRECTION_DAYS + 1])
def test_a_correction_is_told_for_some_time(days: int) -> None:
    story = Story()
    story.rule()
    story.start()
    presumed = story.fail(presumed=True)
    event = story.events.pop().event
    story = Story()
    story.rule()
    story.start()
    failed = story.add("run:a", event)
    story.move("a", S.FAILED, S.COMPLETED)
    last = story.events.pop()
    story.events.append(last._replace(recorded_at=failed.recorded_at + days * DAY))

    assert presumed.position == failed.position
    assert [each.kind for each in story.intents()] == ["fired", "corrected"][: 2 if days == CORRECTION_DAYS else 1]


def test_nothing_is_corrected_that_was_not_told_or_of_a_rule_out_of_force() -> None:
    story = Story()
    story.rule()
    story.silence(seconds=3)
    story.start()
    story.fail(presumed=True)
    story.move("a", S.FAILED, S.COMPLETED)
    for run_id in ("b", "c"):
        story.start(run_id)
        story.fail(run_id, presumed=True)
    story.add("run:b", RunResumedEvent(attempt=2, previous=S.FAILED))
    story.move("b", S.RUNNING, S.COMPLETED)
    story.add("rule:r1", AlertRuleDisabledEvent())
    story.move("c", S.FAILED, S.COMPLETED)

    assert [(each.run_id, each.kind) for each in story.intents()] == [("a", "fired"), ("b", "fired"), ("c", "fired")]


def test_who_started_the_run_is_mailed_at_the_address_known_then() -> None:
    story = Story()
    story.rule(recipients=["@submitter"])
    story.start("a", actor="maria", email="run@x.org")
    story.fail("a")
    story.add("user:u", UserAddedEvent(user_name="maria", role="contributor", email="maria@x.org"))
    story.start("b", email="run@x.org")
    story.fail("b")
    story.add("user:u", UserChangedEvent(user_name="maria", role="contributor", email="m2@x.org"))
    story.start("c")
    story.fail("c")
    story.add("user:u", UserDisabledEvent())
    story.start("d", email="run@x.org")
    origin = RunOrigin(email="later@x.org")
    story.add("run:d", RunResumedEvent(attempt=2, previous=S.FAILED, origin=origin))
    story.fail("d")

    assert [each.recipient for each in story.intents()] == ["run@x.org", "maria@x.org", "m2@x.org", "later@x.org"]


@pytest.mark.parametrize(("email", "why"), [(None, "maria has none in the log"), ("a\r\nb@x.org", "holds a character")])
def test_who_has_no_address_is_not_mailed_and_that_is_said(email: str | None, why: str) -> None:
    story = Story()
    story.rule(recipients=["@submitter"])
    story.start(email=email)
    story.fail()

    [intent] = story.intents()
    assert intent.recipient == "@submitter"
    assert (intent.suppressed or "").startswith("no address for @submitter: ")
    assert why in (intent.suppressed or "")


def test_who_is_named_twice_is_mailed_once() -> None:
    story = Story()
    story.rule(recipients=[MARIA, "@submitter"])
    story.start(email=MARIA.upper())
    story.fail()

    assert [each.recipient for each in story.intents()] == [MARIA]


def test_what_is_silenced_is_intended_and_suppressed() -> None:
    story = Story()
    story.rule(recipients=[MARIA, "eve@example.org"])
    story.add("recipient:x", RecipientUnsubscribedEvent(recipient=MARIA))
    story.start()
    story.fail()

    assert [each.suppressed for each in story.intents()] == ["the recipient unsubscribed at position 2", None]


@given(stories)
def test_intents_do_not_depend_on_what_was_kept(story: Story) -> None:
    forgetful = Evaluator(story)
    forgetful._runs = Runs(story, keep=1)
    blind = Evaluator(story)

    found: list[Intent] = []
    for happened in story.events:
        blind._runs = Runs(story)
        expected = forgetful.fold(happened)
        assert blind.fold(happened) == expected
        found += expected
    assert found == story.intents()


@given(stories)
def test_every_identity_is_derived_and_new(story: Story) -> None:
    intents = story.intents()

    assert len({intent.id for intent in intents}) == len(intents)
    for intent in intents:
        assert intent.id == notification_id(intent.rule, intent.episode, intent.kind, intent.sequence, intent.recipient)
        assert intent.rule_version < intent.trigger
        assert intent.subject.at == story.events[intent.trigger - 1].recorded_at


@given(stories)
def test_what_is_to_come_changes_nothing(story: Story) -> None:
    """The intents of a log are the first of those of any longer log: reading on finds no other past."""
    whole = story.intents()
    events: Sequence[FeedEvent] = story.events
    for end in range(0, len(events), 7):
        evaluator = Evaluator(story)
        found = [intent for happened in events[:end] for intent in evaluator.fold(happened)]
        assert found == whole[: len(found)]
        assert all(intent.trigger > end for intent in whole[len(found) :])


@given(stories)
def test_runs_are_the_same_kept_or_folded_again(story: Story) -> None:
    runs = Runs(story, keep=2)
    for happened in story.events:
        runs.fold(happened)
        if happened.envelope.stream.startswith("run:"):
            run_id = happened.envelope.stream[4:]
            assert runs.at(run_id, happened.position) == folded(run_id, story.upto(run_id, happened.position))


def test_a_test_is_kept_back_by_what_the_recipient_wants_and_not_by_a_silence() -> None:
    story = Story()
    story.rule(recipients=[MARIA, "gone@example.org"])
    story.silence(Matcher(attribute="rule", operator="=", value="r1"))
    story.add("recipient:x", RecipientSuppressedEvent(recipient="Gone@example.org"))
    story.add("rule:r1", AlertRuleTestedEvent())
    told = {intent.recipient: intent.suppressed for intent in story.intents()}

    assert told[MARIA] is None
    assert "came back" in (told["gone@example.org"] or "")
