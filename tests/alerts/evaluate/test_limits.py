"""Limits of recipients: whatever rules noticed, at most so many mails, and the rest in one digest."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluate.intent import Intent
from schemas.events import (
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    Matcher,
    RecipientLimitedEvent,
    RunStatusChangedEvent,
)
from tests.alerts.story import MARIA, SECOND, S, Story

EVE = "eve@example.org"


def limited(story: Story, recipient: str = MARIA, mails: int | None = 2, seconds: int | None = 60) -> None:
    story.add(f"recipient:{recipient}", RecipientLimitedEvent(recipient=recipient, mails=mails, seconds=seconds))


def failing(story: Story, *run_ids: str, **fields: Any) -> None:
    for run_id in run_ids:
        story.start(run_id, **fields)
        story.fail(run_id)


def seen(intents: list[Intent]) -> list[tuple[str, str, int]]:
    return [(intent.recipient, intent.kind, intent.count) for intent in intents]


def test_a_limit_holds_across_rules_and_what_is_over_it_is_one_digest() -> None:
    story = Story()
    story.rule("r1", name="one")
    story.rule("r2", name="two", group={"by": ["run"], "wait_seconds": 0, "interval_seconds": 0})
    story.rule("r3", name="three", throttle={"mails": 9, "seconds": 60}, severity="error")
    limited(story)
    failing(story, "a", "b")
    first = story.intents()
    assert seen(first) == [(MARIA, "fired", 1)] * 2
    story.tick(60)

    intents = story.intents()
    assert seen(intents) == [(MARIA, "fired", 1)] * 2 + [(MARIA, "digest", 4)]
    digest = intents[-1]
    assert digest.subject.at == first[0].subject.at + 60 * SECOND
    assert {name for _, name in digest.rules} == {"one", "two", "three"}
    assert digest.definition.severity == "error"
    assert {member.subject.rule for member in digest.members} == {"r1", "r2", "r3"}
    told = [(each.rule, each.run_id) for each in intents[:2]]
    told += [(each.subject.rule, each.subject.transition.run_id) for each in digest.members]
    assert sorted(told) == [(rule, run) for rule in ("r1", "r2", "r3") for run in ("a", "b")]


def test_a_limit_is_of_one_recipient_in_any_case_of_letters_or_of_all_who_have_none() -> None:
    story = Story()
    story.rule(recipients=[MARIA, EVE, "c@example.org"])
    limited(story, MARIA.upper(), 1)
    limited(story, "*", 3)
    failing(story, *"abcd")
    story.tick(90)

    counts = {who: [each.count for each in story.intents() if each.recipient == who] for who in (MARIA, EVE)}
    assert counts == {MARIA: [1, 3], EVE: [1, 1, 1, 1]}


def test_where_there_is_no_limit_nothing_is_held_back_and_one_that_is_taken_away_lets_go_of_what_waits() -> None:
    story = Story()
    story.rule()
    limited(story, mails=1, seconds=3_600)
    failing(story, "a", "b", "c")
    assert seen(story.intents()) == [(MARIA, "fired", 1)]
    limited(story, mails=None, seconds=None)
    removed = story.events[-1]
    failing(story, "d", "e")

    intents = story.intents()
    assert seen(intents) == [(MARIA, "fired", 1), (MARIA, "digest", 2), (MARIA, "fired", 1), (MARIA, "fired", 1)]
    assert intents[1].subject.at == removed.recorded_at


def test_a_digest_counts_and_another_follows_it() -> None:
    story = Story()
    story.rule()
    limited(story, mails=1, seconds=30)
    failing(story, *"abc")
    story.tick(30)
    failing(story, *"de")
    story.tick(60)

    intents = story.intents()
    assert [(each.kind, each.count) for each in intents] == [("fired", 1), ("digest", 2), ("digest", 2)]
    assert len({each.id for each in intents}) == 3
    assert all(later.subject.at - before.subject.at >= 30 * SECOND for before, later in pairwise(intents))


def test_a_rule_out_of_force_takes_what_waits_because_of_it_along_and_leaves_the_rest() -> None:
    story = Story()
    story.rule("r1")
    story.rule("r2")
    limited(story, mails=1)
    failing(story, "a", "b")
    story.add("rule:r1", AlertRuleDisabledEvent())
    story.tick(90)

    *_, digest = story.intents()
    assert (digest.rule, digest.count, digest.rules) == ("r2", 2, ())
    assert {member.subject.rule for member in digest.members} == {"r2"}


def test_when_all_rules_are_gone_nothing_waits() -> None:
    story = Story()
    story.rule("r1")
    limited(story, mails=1)
    failing(story, "a", "b")
    story.add("rule:r1", AlertRuleDeletedEvent())
    story.tick(90)
    assert seen(story.intents()) == [(MARIA, "fired", 1)]


def test_what_is_silenced_uses_nothing_up() -> None:
    story = Story()
    story.rule()
    limited(story, mails=1)
    story.silence(Matcher(attribute="run", value="a"))
    failing(story, "a", "b", "c")
    story.tick(90)

    found = [(each.count, each.suppressed is None) for each in story.intents()]
    assert found == [(1, False), (1, True), (1, True)]


def test_who_leaves_one_rule_gets_what_the_others_noticed_though_it_is_not_named() -> None:
    story = Story()
    story.rule("r1")
    for number in range(12):
        story.rule(f"q{number}", run_id=f"x{number}")
    limited(story, mails=1)
    failing(story, "a", "b", *(f"x{number}" for number in range(12)))
    story.tick(90)

    digest = story.intents()[-1]
    assert len(digest.rules) == 13
    assert len(digest.members) == 10 < digest.count

    def off(*rules: str) -> str | None:
        return digest.suppressed_by(lambda subject, *, of_many: "off" if subject.rule in rules else None)  # noqa: ARG005

    assert off("r1", *(f"q{number}" for number in range(9))) is None
    assert off("", "r1", *(f"q{number}" for number in range(12))) == "off"


changes = st.lists(
    st.tuples(st.sampled_from([0, 1, 7, 20, 61]), st.sampled_from(["fail", "fail", "fail", "tick"])),
    max_size=40,
)


@given(changes, st.integers(1, 3), st.sampled_from([10, 60]))
def test_in_no_span_there_are_more_mails_than_the_limit_and_nothing_is_dropped(
    steps: list[tuple[int, str]], mails: int, seconds: int
) -> None:
    story = Story()
    story.rule("r1")
    story.rule("r2", group={"by": ["experiment"], "wait_seconds": 5, "interval_seconds": 10})
    story.rule("r3", throttle={"mails": 2, "seconds": 20})
    limited(story, mails=mails, seconds=seconds)
    failed = 0
    for wait, what in steps:
        story.wait(wait)
        if what == "fail":
            story.start(f"a{failed}")
            story.add(f"run:a{failed}", RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED))
            failed += 1
        else:
            story.tick()
    story.tick(1_000)

    intents = story.intents()
    at = [each.subject.at for each in intents]
    assert at == sorted(at)
    assert all(later - first >= seconds * SECOND for first, later in zip(at, at[mails:], strict=False))
    assert sum(each.count for each in intents) == 3 * failed
    assert len({each.id for each in intents}) == len(intents)
