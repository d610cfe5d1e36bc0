"""What is told together: groups, repeats, resolved mails, roll-ups, throttles and digests, all in recorded time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.evaluate.intent import Intent
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    Matcher,
    RecipientUnsubscribedEvent,
    RunStatusChangedEvent,
)
from tests.alerts.story import MARIA, SECOND, START, S, Story

EVE = "eve@example.org"


def grouped(**group: Any) -> dict[str, Any]:
    return {"wait_seconds": 30, "interval_seconds": 300} | group


def seen(intents: list[Intent]) -> list[tuple[str, int, int]]:
    return [(intent.kind, intent.sequence, intent.count) for intent in intents]


def failing(story: Story, *run_ids: str, **fields: Any) -> None:
    for run_id in run_ids:
        story.start(run_id, **fields)
        story.fail(run_id)


def test_failures_within_the_wait_are_one_mail() -> None:
    story = Story()
    story.rule(group=grouped())
    failing(story, "a", "b", "c")
    opened = story.events[2]
    assert story.intents() == []
    story.tick(30)

    [intent] = story.intents()
    assert (intent.kind, intent.sequence, intent.count, intent.counts) == ("fired", 1, 3, (("Failed", 3),))
    assert [member.subject.transition.run_id for member in intent.members] == ["a", "b", "c"]
    assert (intent.by, intent.recipient) == ((("experiment", "vision"),), MARIA)
    assert intent.trigger == story.events[-2].position
    assert intent.subject.at == opened.recorded_at + 30 * SECOND


def test_what_comes_at_the_very_moment_is_in_the_next_mail() -> None:
    story = Story()
    story.rule(group=grouped())
    failing(story, "a")
    due = story.events[-1].recorded_at + 30 * SECOND
    story.start("b")
    early = story.add("run:b", story.events[2].event, at=due - 1)
    story.start("c", status=S.QUEUED)
    story.events.pop()
    story.add("run:c", story.events[1].event, at=due)
    late = story.add("run:c", story.events[2].event, at=due)
    assert (early.recorded_at, late.recorded_at) == (due - 1, due)
    story.tick(400)

    assert [(each.count, each.trigger) for each in story.intents()] == [(2, early.position), (1, late.position)]


def test_more_of_it_is_told_at_intervals_and_a_group_that_was_quiet_opens_anew() -> None:
    story = Story()
    story.rule(group=grouped())
    failing(story, "a")
    story.tick(30)
    failing(story, "b", "c")
    story.tick(60)
    assert seen(story.intents()) == [("fired", 1, 1)]
    story.tick(250)
    assert seen(story.intents()) == [("fired", 1, 1), ("fired", 2, 2)]
    story.wait(301)
    failing(story, "d")
    story.tick(31)

    intents = story.intents()
    assert seen(intents) == [("fired", 1, 1), ("fired", 2, 2), ("fired", 1, 1)]
    assert intents[0].episode == intents[1].episode != intents[2].episode
    assert len({intent.id for intent in intents}) == 3


def test_groups_differ_by_their_attributes_and_recipients() -> None:
    story = Story()
    story.rule(recipients=[MARIA, EVE], group=grouped(by=["tag:team", "status"]))
    failing(story, "a", "b", tags={"team": "red"})
    failing(story, "c", tags={"team": "blue"})
    failing(story, "d")
    story.tick(60)

    found = {(each.recipient, each.by, each.count) for each in story.intents() if each.by}
    assert found == {
        (who, (("tag:team", team), ("status", "Failed")), count)
        for who in (MARIA, EVE)
        for team, count in (("red", 2), ("blue", 1))
    }
    assert [each.run_id for each in story.intents() if not each.by] == ["d", "d"]


def test_children_of_one_parent_are_one_mail_and_runs_without_a_parent_are_told_at_once() -> None:
    story = Story()
    story.rule(include_children=True, to=["Failed", "Canceled"], group=grouped(by=["parent"]))
    story.start("sweep")
    for number in range(500):
        story.start(f"c{number}", parent_run_id="sweep", root_run_id="sweep")
    for number in range(500):
        status = S.CANCELED if number % 5 == 0 else S.FAILED
        at = story.events[-1].recorded_at + 1
        story.add(f"run:c{number}", RunStatusChangedEvent(previous=S.RUNNING, status=status), at=at)
    failed = RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED)
    story.add("run:sweep", failed, at=story.events[-1].recorded_at + 1)
    assert [each.run_id for each in story.intents()] == ["sweep"]
    story.tick(60)

    [_, intent] = story.intents()
    assert (intent.count, intent.counts) == (500, (("Canceled", 100), ("Failed", 400)))
    assert [each.subject.transition.run_id for each in intent.members] == [f"c{number}" for number in range(10)]
    assert intent.by == (("parent", "sweep"),)


def test_what_is_not_over_is_told_again_so_many_times() -> None:
    story = Story()
    story.rule(group=grouped(repeat_seconds=3_600, repeats=2))
    failing(story, "a", "b")
    story.tick(60)
    for _ in range(5):
        story.tick(3_600)

    assert seen(story.intents()) == [("fired", 1, 2), ("repeated", 2, 2), ("repeated", 3, 2)]


def test_repeats_that_nobody_saw_to_are_not_made_up_for() -> None:
    story = Story()
    story.rule(group=grouped(repeat_seconds=3_600, repeats=100))
    failing(story, "a")
    story.tick(60)
    story.tick(10 * 3_600)

    assert seen(story.intents()) == [("fired", 1, 1), ("repeated", 2, 1)]


def test_a_success_in_the_group_is_told_of_once() -> None:
    story = Story()
    story.rule(group=grouped(resolved=True, repeat_seconds=3_600))
    failing(story, "a")
    story.tick(60)
    for run_id in ("b", "c"):
        story.start(run_id)
        story.move(run_id, S.RUNNING, S.COMPLETED)
        story.tick(301)
    story.tick(7_200)

    intents = story.intents()
    assert [(each.kind, each.run_id) for each in intents] == [("fired", "a"), ("resolved", "b")]
    assert intents[0].episode == intents[1].episode


def test_a_success_that_the_rule_is_not_about_resolves_nothing() -> None:
    story = Story()
    story.rule(group=grouped(resolved=True), conditions=[{"of": "tag", "key": "team", "value": "red"}])
    failing(story, "a", tags={"team": "red"})
    story.tick(60)
    story.start("b", tags={"team": "blue"})
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(600)

    assert [each.kind for each in story.intents()] == ["fired"]


def test_flapping_makes_a_mail_at_each_interval_and_lists_all() -> None:
    story = Story()
    story.rule(group=grouped(resolved=True, by=["run"]))
    story.start()
    for number in range(1_000):
        at = START + 10 * SECOND + number * 600
        status = S.FAILED if number % 2 == 0 else S.COMPLETED
        story.add("run:a", RunStatusChangedEvent(previous=S.RUNNING, status=status), at=at)
    story.tick(1_000)

    intents = story.intents()
    assert len(intents) == 3
    assert sum(each.count for each in intents) == 1_000


def test_over_the_throttle_there_is_one_digest_and_nothing_is_dropped() -> None:
    story = Story()
    story.rule(recipients=[MARIA, EVE], throttle={"mails": 2, "seconds": 600})
    failing(story, *"abcdefgh")
    story.tick(700)
    failing(story, "i")

    for recipient in (MARIA, EVE):
        intents = [each for each in story.intents() if each.recipient == recipient]
        assert seen(intents) == [("fired", 1, 1), ("fired", 1, 1), ("digest", 1, 6), ("fired", 1, 1)]
        assert intents[2].subject.at == intents[0].subject.at + 600 * SECOND


def test_a_throttle_of_the_rule_counts_the_mails_to_all() -> None:
    story = Story()
    story.rule(recipients=[MARIA, EVE], throttle={"mails": 3, "seconds": 600, "per": "rule"})
    failing(story, "a", "b")
    story.tick(700)

    assert [(each.kind, each.recipient) for each in story.intents()] == [
        ("fired", MARIA),
        ("fired", EVE),
        ("fired", MARIA),
        ("digest", EVE),
    ]


def test_groups_are_throttled_too() -> None:
    story = Story()
    story.rule(group=grouped(by=["run"], wait_seconds=0), throttle={"mails": 1, "seconds": 600})
    failing(story, "a", "b", "c")
    story.tick(700)

    assert seen(story.intents()) == [("fired", 1, 1), ("digest", 1, 2)]


def test_what_was_reported_late_is_one_digest() -> None:
    story = Story()
    story.rule(max_age_seconds=3_600)
    old = datetime.fromtimestamp(START / 1_000, UTC) - timedelta(days=3)
    for run_id in ("a", "b", "c"):
        story.start(run_id)
        story.add(f"run:{run_id}", RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED), occurred=old)
    failing(story, "x")
    story.tick(61)

    fired, digest = story.intents()
    assert (fired.kind, fired.run_id, digest.kind) == ("fired", "x", "digest")
    assert [each.subject.transition.run_id for each in digest.members] == ["a", "b", "c"]


def test_what_waits_is_forgotten_with_its_rule() -> None:
    story = Story()
    story.rule(group=grouped(), throttle={"mails": 1, "seconds": 600})
    failing(story, "a")
    story.add("rule:r1", AlertRuleDisabledEvent())
    story.add("rule:r1", AlertRuleEnabledEvent())
    story.tick(60)

    assert story.intents() == []


def test_what_waits_is_told_as_the_rule_said_when_it_was_noticed() -> None:
    story = Story()
    first = story.rule(group=grouped())
    failing(story, "a")
    assert isinstance(first.event, AlertRuleDefinedEvent)
    definition = first.event.definition | {"recipients": [EVE]}
    second = story.add("rule:r1", AlertRuleChangedEvent(rule_name="n", definition=definition))
    failing(story, "b")
    story.tick(60)

    found = [(each.recipient, each.rule_version, each.count) for each in story.intents()]
    assert found == [(MARIA, first.position, 1), (EVE, second.position, 1)]


@pytest.mark.parametrize(("value", "suppressed"), [("vision", True), ("other", False)])
def test_a_silence_keeps_back_a_group_if_it_is_about_all_of_it(value: str, suppressed: bool) -> None:
    story = Story()
    story.rule(group=grouped())
    failing(story, "a", "b")
    story.silence(Matcher(attribute="experiment", value=value))
    story.tick(60)

    [intent] = story.intents()
    assert (intent.suppressed is not None) == suppressed


def test_one_that_is_silent_among_others_keeps_nobody_from_the_others() -> None:
    story = Story()
    story.rule(group=grouped())
    failing(story, "a", "b")
    story.silence(Matcher(attribute="run", value="a"))
    failing(story, "a")
    story.tick(60)

    told = [each for each in story.intents() if each.suppressed is None]
    assert [each.count for each in told] == [2]
    assert [each.run_id for each in story.intents() if each.suppressed] == ["a"]


def test_who_unsubscribed_gets_no_group_however_many_there_are() -> None:
    story = Story()
    story.rule(group=grouped())
    failing(story, *"abcdefghijkl")
    story.add("recipient:x", RecipientUnsubscribedEvent(recipient=MARIA))
    story.tick(60)

    [intent] = story.intents()
    assert intent.suppressed is not None


def test_what_is_told_again_over_the_throttle_has_an_identity_of_its_own() -> None:
    story = Story()
    story.rule(group=grouped(wait_seconds=0, repeat_seconds=60, repeats=3), throttle={"mails": 1, "seconds": 100})
    failing(story, "b")
    failing(story, "a")
    for _ in range(10):
        story.tick(50)

    intents = story.intents()
    assert len({each.id for each in intents}) == len(intents) > 2
    assert [each.kind for each in intents].count("digest") > 1
