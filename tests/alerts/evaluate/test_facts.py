"""A message speaks of what was known at its trigger, and of nothing that came later."""

from hypothesis import given

from alerts.evaluate.facts import Place, facts_at, facts_of
from schemas.events import (
    Encrypted,
    RunDescribedEvent,
    RunError,
    RunParameterAddedEvent,
    RunResumedEvent,
    RunTaggedEvent,
    Seal,
)
from tests.alerts.stories import stories
from tests.alerts.story import S, Story

PLACE = Place("lab", "/srv/lab", "https://ledger.example")


def test_facts_are_as_of_the_trigger() -> None:
    story = Story()
    story.rule()
    story.start(display_name="first try", tags={"team": "red"}, parent_run_id=None)
    story.add("run:a", RunParameterAddedEvent(key="lr", value=0.1))
    failed = story.fail(
        error=RunError(code="UserError", message="no more memory", type="MemoryError", traceback="line 3"),
        log_lines=["epoch 1", Encrypted.of("k", "n", "c")],
        seal=Seal(last_values={"loss": 0.5}),
        certainty="seen by the watchdog",
        reason="the disk is full",
    )
    [intent] = story.intents()
    story.add("run:a", RunTaggedEvent(key="team", value="blue"))
    story.add("run:a", RunDescribedEvent(changed=("display_name",), display_name="later"))
    story.add("run:a", RunResumedEvent(attempt=2, previous=S.FAILED))

    facts = facts_at(intent, story, PLACE)
    assert (facts.workspace, facts.location, facts.public_url) == ("lab", "/srv/lab", "https://ledger.example")
    assert (facts.rule_id, facts.rule_name, facts.kind) == ("r1", "failures", "fired")
    assert (facts.run_id, facts.experiment, facts.display_name) == ("a", "vision", "first try")
    assert (facts.old_status, facts.new_status, facts.presumed) == ("Running", "Failed", False)
    assert (facts.certainty, facts.reason, facts.actor) == ("seen by the watchdog", "the disk is full", "maria")
    assert (facts.error_code, facts.error_type) == ("UserError", "MemoryError")
    assert (facts.error_message, facts.traceback) == ("no more memory", "line 3")
    assert facts.log_lines == ["epoch 1", "(encrypted)"]
    assert facts.last_values == {"loss": 0.5}
    assert (facts.tags, facts.parameters, facts.attempt) == ({"team": "red"}, {"lr": 0.1}, 1)
    assert (facts.trigger, facts.recorded_at) == (failed.position, failed.recorded_at)
    assert facts.duration_ms == 2_000


def test_another_attempt_has_its_own_start() -> None:
    story = Story()
    story.rule()
    story.start()
    story.fail()
    story.add("run:a", RunResumedEvent(attempt=2, previous=S.FAILED))
    story.move("a", S.RUNNING, S.NOT_RESPONDING)
    story.move("a", S.NOT_RESPONDING, S.RUNNING)
    story.fail()

    found = [facts_at(intent, story, PLACE) for intent in story.intents()]
    assert [(facts.attempt, facts.duration_ms) for facts in found] == [(1, 1_000), (2, 1_000), (2, 3_000)]
    assert found[1].ended_at is None


def test_facts_can_be_had_without_any_event() -> None:
    story = Story()
    story.rule()
    story.start(status=S.FAILED)
    [intent] = story.intents()

    facts = facts_of(intent, [], PLACE)
    assert (facts.run_id, facts.new_status, facts.started_at) == ("a", "Failed", None)


@given(stories)
def test_no_log_makes_it_raise(story: Story) -> None:
    for intent in story.intents():
        assert facts_at(intent, story, PLACE).run_id == intent.run_id
