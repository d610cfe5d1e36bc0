"""Deadlines: told when they pass in recorded time, once, and never of what ended."""

from typing import Any

import pytest

from schemas.events import AlertRuleDisabledEvent, AlertRuleEnabledEvent, RunResumedEvent, RunTaggedEvent
from schemas.statuses import RunStatus
from tests.alerts.story import SECOND, S, Story

HOUR = 3_600


def due(what: str, seconds: int = HOUR, **more: Any) -> dict[str, Any]:
    return {"what": what, "seconds": seconds} | more


def test_a_run_that_does_not_end_is_told_of_once() -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    began = story.start()
    story.start("b")
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(HOUR - 5)
    assert story.intents() == []
    for _ in range(3):
        story.tick(5)

    [intent] = story.intents()
    assert (intent.run_id, intent.kind, intent.trigger) == ("a", "fired", began.position)
    assert intent.subject.at == began.recorded_at + HOUR * SECOND


@pytest.mark.parametrize("early", [0, 1])
def test_the_moment_itself_is_too_late(early: int) -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    began = story.start()
    completed = story.move("a", S.RUNNING, S.COMPLETED).event
    story.events.pop()
    story.add("run:a", completed, at=began.recorded_at + HOUR * SECOND - early)
    story.tick(2 * HOUR)

    assert len(story.intents()) == 1 - early


def test_a_deadline_noticed_late_gives_the_log_time_to_catch_up() -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    story.start()
    story.start("b")
    story.tick(10 * HOUR)
    assert story.intents() == []
    story.move("a", S.RUNNING, S.COMPLETED)
    story.tick(70)

    assert [each.run_id for each in story.intents()] == ["b"]
    assert [each.run_id for each in story.intents(punctual=True)] == ["a", "b"]


def test_it_is_put_off_only_once() -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    story.start()
    story.tick(10 * HOUR)
    story.tick(10 * HOUR)

    assert [each.run_id for each in story.intents()] == ["a"]


def test_each_attempt_has_a_deadline_of_its_own() -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    story.start()
    story.fail()
    story.wait(HOUR)
    story.add("run:a", RunResumedEvent(attempt=2, previous=S.FAILED))
    story.tick(HOUR / 2)
    assert story.intents() == []
    story.tick(HOUR / 2 + 1)

    assert [each.run_id for each in story.intents()] == ["a"]


def test_a_run_that_is_stuck_in_a_status() -> None:
    story = Story()
    story.rule(on=due("stuck", 600, status=["Queued"]))
    story.start(status=S.QUEUED)
    story.start("b", status=S.QUEUED)
    story.start("c")
    story.tick(400)
    story.move("b", S.QUEUED, S.RUNNING)
    story.tick(205)

    assert [(each.run_id, each.subject.transition.status) for each in story.intents()] == [("a", S.QUEUED)]


def test_what_the_rule_is_about_is_decided_when_it_is_due() -> None:
    story = Story()
    story.rule(on=due("unfinished"), conditions=[{"of": "tag", "key": "team", "value": "red"}])
    story.start()
    story.start("b", tags={"team": "red"})
    story.add("run:a", RunTaggedEvent(key="team", value="red"))
    story.add("run:b", RunTaggedEvent(key="team", value="blue"))
    story.tick(HOUR)

    assert [each.run_id for each in story.intents()] == ["a"]


def test_a_rule_is_about_runs_that_began_before_it() -> None:
    story = Story()
    story.start()
    story.start("child", parent_run_id="a")
    story.start("other", experiment="text")
    story.tick(HOUR * 2)
    rule = story.rule(on=due("unfinished"), experiment="vis*")

    [intent] = story.intents()
    assert (intent.run_id, intent.subject.at) == ("a", rule.recorded_at)


def test_a_rule_out_of_force_has_no_deadlines() -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    story.start()
    story.add("rule:r1", AlertRuleDisabledEvent())
    story.tick(HOUR)

    assert story.intents() == []


def test_what_was_told_is_not_told_again_when_the_rule_comes_back() -> None:
    story = Story()
    story.rule(on=due("unfinished"))
    story.start()
    story.tick(HOUR)
    story.add("rule:r1", AlertRuleDisabledEvent())
    story.add("rule:r1", AlertRuleEnabledEvent())
    story.rule(on=due("unfinished", HOUR // 2))
    story.tick(HOUR)
    assert [each.run_id for each in story.intents()] == ["a"]


def test_an_experiment_in_which_nothing_completes() -> None:
    story = Story()
    defined = story.rule(on=due("missing"), experiment="vision")
    story.tick(HOUR)
    assert [each.subject.at for each in story.intents()] == [defined.recorded_at + HOUR * SECOND]
    story.start()
    story.fail()
    story.tick(2 * HOUR)
    assert len(story.intents()) == 1
    story.start("b")
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(HOUR / 2)
    story.start("c")
    completed = story.move("c", S.RUNNING, S.COMPLETED)
    story.tick(HOUR - 5)
    assert len(story.intents()) == 1
    story.tick(10)

    last = story.intents()[-1]
    assert (last.trigger, last.subject.transition.experiment) == (completed.position, "vision")


def test_a_pattern_waits_for_experiments_from_their_next_run_on() -> None:
    story = Story()
    story.rule(on=due("missing"), experiment="*", conditions=[{"of": "tag", "key": "nightly", "operator": "exists"}])
    story.tick(HOUR)
    story.start("a", experiment="one")
    story.move("a", S.RUNNING, S.COMPLETED)
    story.start("b", experiment="two", tags={"nightly": None})
    story.tick(HOUR / 2)
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(HOUR / 2 + 5)

    assert [each.subject.transition.experiment for each in story.intents()] == ["one"]


def test_deadlines_can_be_grouped() -> None:
    story = Story()
    story.rule(on=due("unfinished"), group={"wait_seconds": 60})
    for run_id in ("a", "b", "c"):
        story.start(run_id)
    story.tick(HOUR + 5)
    story.tick(60)

    assert [(each.count, each.kind) for each in story.intents()] == [(3, "fired")]


GROUP = {"wait_seconds": 0, "interval_seconds": 60, "resolved": True}


def kinds(story: Story) -> list[tuple[str, tuple[tuple[str, int], ...]]]:
    return [(each.kind, each.counts) for each in story.intents()]


@pytest.mark.parametrize("end", [S.COMPLETED, S.FAILED, S.CANCELED])
def test_a_run_that_ends_after_its_deadline_resolves_it(end: RunStatus) -> None:
    story = Story()
    story.rule(on=due("unfinished"), group=GROUP | {"by": ["run"]})
    story.start()
    story.tick(HOUR)
    story.move("a", S.RUNNING, end)
    story.tick(60)

    fired, resolved = story.intents()
    assert (fired.kind, resolved.kind) == ("fired", "resolved")
    assert (resolved.run_id, resolved.subject.transition.status) == ("a", end)
    assert (resolved.episode, resolved.thread) == (fired.episode, "a")


def test_a_group_of_deadlines_is_over_when_all_of_it_has_ended() -> None:
    story = Story()
    story.rule(on=due("unfinished"), group=GROUP)
    for run_id in "abc":
        story.start(run_id)
    story.tick(HOUR)
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(120)
    assert {kind for kind, _ in kinds(story)} == {"fired"}
    story.fail("a")
    story.move("c", S.RUNNING, S.COMPLETED)
    story.tick(120)

    assert kinds(story)[-1] == ("resolved", (("Completed", 2), ("Failed", 1)))


def test_a_run_that_moves_on_resolves_that_it_was_stuck() -> None:
    story = Story()
    story.rule(on=due("stuck", 60, status=["Queued", "Preparing"]), group=GROUP)
    story.start(status=S.QUEUED)
    story.tick(61)
    story.move("a", S.QUEUED, S.PREPARING)
    story.tick(50)
    assert [kind for kind, _ in kinds(story)] == ["fired"]
    story.move("a", S.PREPARING, S.RUNNING)
    story.tick(60)

    assert kinds(story)[-1] == ("resolved", (("Running", 1),))


def test_a_run_that_completes_resolves_that_none_did() -> None:
    story = Story()
    story.rule(on=due("missing"), experiment="vision", group=GROUP)
    story.tick(HOUR)
    story.start()
    story.fail()
    story.tick(120)
    assert [each.kind for each in story.intents()] == ["fired"]
    story.start("b")
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(60)

    assert [(each.kind, each.run_id) for each in story.intents()] == [("fired", ""), ("resolved", "b")]


def test_what_is_not_asked_for_is_not_told_and_repeats_end_with_the_run() -> None:
    story = Story()
    story.rule(on=due("unfinished"), group={"wait_seconds": 0, "repeat_seconds": 600, "repeats": 9})
    story.start()
    story.tick(HOUR)
    story.tick(600)
    assert [kind for kind, _ in kinds(story)] == ["fired", "repeated"]
    story.move("a", S.RUNNING, S.COMPLETED)
    for _ in range(3):
        story.tick(600)

    assert [kind for kind, _ in kinds(story)] == ["fired", "repeated"]


def test_a_deadline_that_nobody_was_told_of_resolves_nothing() -> None:
    story = Story()
    story.rule(on=due("unfinished"), group=GROUP)
    story.silence()
    story.start()
    story.tick(HOUR - 10)
    story.move("a", S.RUNNING, S.COMPLETED)
    story.start("b")
    story.add("rule:r1", AlertRuleDisabledEvent())
    story.tick(2 * HOUR)
    story.move("b", S.RUNNING, S.COMPLETED)
    story.tick(120)

    assert story.intents() == []
