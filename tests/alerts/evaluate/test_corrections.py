"""Presumed ends that were told with others, and that the run itself reports otherwise: whoever was told hears of it."""

from typing import Any

import pytest

from alerts.evaluate.intent import Intent
from schemas.events import AlertRuleDisabledEvent, Matcher, RecipientLimitedEvent
from tests.alerts.story import MARIA, S, Story

GROUP = {"wait_seconds": 30, "interval_seconds": 300}


def presumed(story: Story, *run_ids: str) -> None:
    for run_id in run_ids:
        story.start(run_id)
        story.fail(run_id, presumed=True)


def corrected(story: Story, *run_ids: str) -> None:
    for run_id in run_ids:
        story.move(run_id, S.FAILED, S.COMPLETED)


def seen(intents: list[Intent]) -> list[tuple[str, int, tuple[tuple[str, int], ...]]]:
    return [(each.kind, each.count, each.counts) for each in intents]


def test_what_was_told_in_a_group_is_corrected_in_its_thread() -> None:
    story = Story()
    story.rule(group=GROUP)
    presumed(story, "a", "b", "c")
    story.tick(60)
    corrected(story, "b")
    story.tick(60)

    told, correction = story.intents()
    assert seen([told, correction]) == [("fired", 3, (("Failed", 3),)), ("corrected", 1, (("Completed", 1),))]
    assert (correction.run_id, correction.recipient) == ("b", MARIA)
    assert correction.thread == told.thread == f"episode {told.episode}"
    assert correction.id != told.id


def test_corrections_of_one_thread_are_one_mail_too() -> None:
    story = Story()
    story.rule(group=GROUP)
    many = [f"r{number}" for number in range(12)]
    presumed(story, *many)
    story.tick(60)
    corrected(story, *many)
    story.tick(60)

    told, correction = story.intents()
    assert seen([told, correction]) == [("fired", 12, (("Failed", 12),)), ("corrected", 12, (("Completed", 12),))]
    assert correction.thread == told.thread


def test_a_group_that_told_of_one_run_and_its_correction_are_in_the_thread_of_the_run() -> None:
    story = Story()
    story.rule(group=GROUP)
    presumed(story, "a")
    story.tick(60)
    corrected(story, "a")
    story.tick(60)

    assert [each.thread for each in story.intents()] == ["a", "a"]


def test_what_still_waits_to_be_told_is_told_with_its_correction() -> None:
    story = Story()
    story.rule(group=GROUP)
    presumed(story, "a", "b")
    corrected(story, "a")
    story.tick(400)
    corrected(story, "b")
    story.tick(400)

    both, later = story.intents()
    assert seen([both, later]) == [
        ("fired", 3, (("Completed", 1), ("Failed", 2))),
        ("corrected", 1, (("Completed", 1),)),
    ]
    assert [each.corrects for each in both.members] == [False, False, True]
    assert later.run_id == "b"


@pytest.mark.parametrize(
    "definition",
    [{"throttle": {"mails": 1, "seconds": 100}}, {"max_age_seconds": 3_600}, {}],
    ids=["throttle", "max age", "limit"],
)
def test_what_was_told_alone_or_in_a_digest_is_corrected_in_its_thread(definition: dict[str, Any]) -> None:
    story = Story()
    story.rule(**definition)
    if not definition:
        story.add("recipient:m", RecipientLimitedEvent(recipient=MARIA, mails=1, seconds=100))
    presumed(story, "a", "b", "c")
    story.tick(200)
    corrected(story, "a")
    story.tick(200)
    corrected(story, "b")
    story.tick(400)

    intents = story.intents()
    told = {member.subject.transition.run_id: each for each in intents for member in each.members or (each,)
            if each.kind != "corrected"}  # fmt: skip
    found = {each.run_id: each.thread for each in intents if each.kind == "corrected"}
    assert found == {"a": told["a"].thread, "b": told["b"].thread}
    assert len({each.id for each in intents}) == len(intents)


def test_a_silenced_correction_is_settled_as_that() -> None:
    story = Story()
    story.rule(group=GROUP)
    presumed(story, "a", "b")
    story.tick(60)
    story.silence(Matcher(attribute="run", value="a"))
    corrected(story, "a")
    story.tick(60)

    _, correction = story.intents()
    assert (correction.kind, correction.suppressed is None) == ("corrected", False)


def test_what_was_no_presumption_is_not_corrected() -> None:
    story = Story()
    story.rule(group=GROUP)
    story.start("a")
    story.fail("a")
    story.tick(60)
    corrected(story, "a")
    story.tick(400)

    assert [each.kind for each in story.intents()] == ["fired"]


def test_a_correction_is_told_once_and_while_its_rule_is_in_force() -> None:
    story = Story()
    story.rule(group=GROUP)
    presumed(story, "a", "b")
    story.tick(60)
    corrected(story, "a")
    story.move("a", S.COMPLETED, S.FAILED)
    story.tick(60)
    story.add("rule:r1", AlertRuleDisabledEvent())
    corrected(story, "b")
    story.tick(400)

    assert [each.run_id for each in story.intents() if each.kind == "corrected"] == ["a"]
