"""Figures of what became of notifications: from the log alone, and never without bound."""

from typing import Any

from alerts.deliver.figures import DELAYS, OTHER, Backlog, Figures
from tests.alerts.deliver.folding import claim, folded, only, settle
from tests.alerts.story import MARIA, SECOND, Story


def failed(*recipients: str, **rule: Any) -> Story:
    story = Story()
    story.rule(recipients=[*(recipients or [MARIA])], **rule)
    story.start()
    story.fail()
    return story


def test_ends_are_counted_by_rule_channel_and_result_with_their_delay() -> None:
    story = failed(MARIA, "jan@example.org", "channel:ops")
    claim(story, *folded(story))
    for each, outcome in zip(folded(story), ("sent", "rejected", "sent"), strict=True):
        settle(story, each, outcome)
    figures = folded(story).figures

    assert figures.ends() == {
        ("failures", "email", "sent"): 1,
        ("failures", "email", "rejected"): 1,
        ("failures", "ops", "sent"): 1,
    }
    within, count, total = figures.delays()["email"]
    # The story's log grows by an event a second.
    assert (count, total) == (1, 2.0)
    assert next(bound for bound, number in zip(DELAYS, within, strict=True) if number) == 2.5
    assert figures.failures() == {}


def test_attempts_that_come_to_nothing_are_counted_too_and_an_end_but_once() -> None:
    story = failed()
    for outcome in ("retry", "ambiguous", "sent"):
        claim(story, only(folded(story)))
        settle(story, only(folded(story)), outcome)
    settle_again = story.events[-1].event
    story.add("notifications:log", settle_again)
    figures = folded(story).figures

    assert figures.failures() == {("email", "retry"): 1, ("email", "ambiguous"): 1}
    assert sum(figures.ends().values()) == 1


def test_a_thousand_rules_are_not_a_thousand_labels() -> None:
    figures = Figures()
    for number in range(1_000):
        figures.ended(only(folded(failed(name=f"rule {number}"))), 0)
    rules = {rule for rule, _, _ in figures.ends()}
    assert len(rules) == 201
    assert OTHER in rules
    assert sum(figures.ends().values()) == 1_000


def test_the_backlog_is_what_waits_for_us_and_not_for_its_next_try() -> None:
    story = failed(MARIA, "jan@example.org", "channel:ops")
    began = story.events[-1].recorded_at
    now = began + 100 * SECOND
    assert Backlog.of(folded(story), now) == Backlog({"email": 2, "ops": 1}, {"email": began, "ops": began})

    mine, jans, ops = folded(story)
    claim(story, mine, jans, ops)
    mine, jans, ops = folded(story)
    # One was refused for now, one was held up by the transport, one is under way.
    settle(story, mine, "retry", retry_at=now + 1)
    settle(story, jans, "retry", retry_at=began)
    assert Backlog.of(folded(story), now) == Backlog({"email": 1, "ops": 1}, {"email": began, "ops": began})
    later = Backlog.of(folded(story), now + 1)
    assert (later.waiting, later.oldest) == ({"email": 2, "ops": 1}, {"email": began, "ops": began})


def test_what_was_refused_for_now_waits_from_its_next_try_on() -> None:
    story = failed()
    claim(story, only(folded(story)))
    again = story.events[-1].recorded_at + 3_600 * SECOND
    settle(story, only(folded(story)), "retry", retry_at=again)
    assert Backlog.of(folded(story), again - 1) == Backlog()
    assert Backlog.of(folded(story), again + 5) == Backlog({"email": 1}, {"email": again})


def test_what_is_suppressed_waits_for_nobody() -> None:
    story = Story()
    story.silence()
    story.rule()
    story.start()
    story.fail()
    assert len(folded(story)) == 1
    assert Backlog.of(folded(story), story.events[-1].recorded_at) == Backlog()
