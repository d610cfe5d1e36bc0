"""What claims and settlements make of a notification, in whatever order they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.deliver.notification import ENDS, State
from alerts.deliver.notifications import Notifications
from alerts.deliver.policy import kept_back
from alerts.evaluate.evaluator import Evaluator
from schemas.events import (
    AlertRuleDisabledEvent,
    Event,
    NotificationsClaimedEvent,
    OpaqueEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RunStatusChangedEvent,
)
from tests.alerts.deliver.folding import STREAM, claim, folded, only, settle
from tests.alerts.stories import steps, told
from tests.alerts.story import MARIA, SECOND, S, Story


def failed() -> Story:
    story = Story()
    story.rule()
    story.start()
    story.fail()
    return story


def test_what_is_intended_is_pending_and_due_at_once() -> None:
    story = failed()
    notification = only(folded(story))

    assert (notification.state, notification.attempt) == (State.PENDING, 0)
    assert notification.due_at == story.events[-1].recorded_at


def test_what_is_claimed_is_due_again_when_the_lease_is_over() -> None:
    story = failed()
    claimed = claim(story, only(folded(story)), lease=60)
    notification = only(folded(story))

    assert (notification.state, notification.attempt, notification.server) == (State.CLAIMED, 1, "s1")
    assert notification.due_at == claimed.recorded_at + 60 * SECOND
    assert notification.may_be_sent


def test_a_rival_takes_over_and_the_first_may_still_tell_that_it_was_sent() -> None:
    story = failed()
    pending = only(folded(story))
    claim(story, pending)
    first = only(folded(story))
    claim(story, first, server="s2")
    second = only(folded(story))
    assert (second.server, second.attempt) == ("s2", 2)

    settle(story, first, "retry", retry_at=1)
    assert only(folded(story)) == second
    settle(story, first, "sent", code=250)
    assert len(folded(story)) == 0


def test_the_same_attempt_again_makes_the_lease_longer() -> None:
    story = failed()
    claim(story, only(folded(story)))
    claimed = only(folded(story))
    story.add("rule:r1", AlertRuleDisabledEvent())
    renewed = claim(story, claimed, again=0)
    notification = only(folded(story))

    assert notification.due_at == renewed.recorded_at + 60 * SECOND
    assert (notification.attempt, notification.may_be_sent) == (1, True)


@pytest.mark.parametrize("outcome", ["sent", "rejected", "dead", "suppressed"])
def test_an_end_is_an_end(outcome: str) -> None:
    story = failed()
    claim(story, only(folded(story)))
    settle(story, only(folded(story)), outcome)
    notifications = folded(story)

    assert len(notifications) == 0
    assert notifications.ended == {State(outcome): 1}


@pytest.mark.parametrize("outcome", ["retry", "ambiguous"])
def test_what_is_to_be_tried_again_waits_for_its_time(outcome: str) -> None:
    story = failed()
    claim(story, only(folded(story)))
    retry_at = story.events[-1].recorded_at + 100 * SECOND
    settle(story, only(folded(story)), outcome, retry_at=retry_at, because="451 later")
    notifications = folded(story)
    notification = only(notifications)

    assert (notification.state, notification.due_at, notification.because) == (State.RETRY, retry_at, "451 later")
    assert list(notifications.due(retry_at - 1, 8)) == []
    assert list(notifications.due(retry_at, 8)) == [[notification]]


def test_what_was_disabled_before_its_claim_may_not_be_sent_even_if_it_is_claimed() -> None:
    story = failed()
    pending = only(folded(story))
    disabled = story.add("rule:r1", AlertRuleDisabledEvent())
    assert [each.id for each in folded(story).suppressed()] == [pending.id]

    claim(story, pending)
    notification = only(folded(story))
    assert not notification.may_be_sent
    assert notification.suppressed == f"the rule was disabled at position {disabled.position}"
    assert [each.id for each in folded(story).suppressed()] == [pending.id]


def test_what_was_claimed_before_it_was_disabled_may_be_sent_but_not_again() -> None:
    story = failed()
    claim(story, only(folded(story)))
    claimed = only(folded(story))
    story.add("rule:r1", AlertRuleDisabledEvent())
    assert only(folded(story)).may_be_sent
    assert kept_back(folded(story), claimed.due_at - 1, 8) == []

    settle(story, claimed, "retry", retry_at=1)
    assert [each.id for each in kept_back(folded(story), claimed.due_at - 1, 8)] == [claimed.id]


def test_what_was_disabled_behind_the_claim_of_a_server_that_died_is_kept_back() -> None:
    story = failed()
    claim(story, only(folded(story)), server="s1")
    story.add("rule:r1", AlertRuleDisabledEvent())
    claimed, notifications = only(folded(story)), folded(story)

    assert kept_back(notifications, claimed.due_at - 1, 8) == []
    assert kept_back(notifications, claimed.due_at - 1, 8, gone=lambda server: server == "s1") == [claimed]
    assert kept_back(notifications, claimed.due_at, 8) == [claimed]
    assert kept_back(notifications, claimed.due_at, 8, sending={claimed.id}) == []


def test_a_silence_holds_back_what_waits() -> None:
    story = failed()
    story.silence()

    assert len(folded(story).suppressed()) == 1


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (RecipientUnsubscribedEvent(recipient=MARIA), "unsubscribed"),
        (RecipientSuppressedEvent(recipient=MARIA, status="5.1.1"), "came back"),
    ],
)
def test_what_waits_for_a_recipient_who_left_or_is_not_reached_is_held_back(event: Event, why: str) -> None:
    story = Story()
    story.rule(recipients=[MARIA, "jan@example.org"])
    story.start()
    story.fail()
    story.add("recipient:m", event)
    [held] = folded(story).suppressed()
    assert held.intent.recipient == MARIA
    assert why in (held.suppressed or "")


def test_each_recipient_has_a_line_of_its_own() -> None:
    story = Story()
    story.rule(recipients=["a@x.org", "b@x.org"])
    for run_id in ("a", "b", "c"):
        story.start(run_id)
        story.fail(run_id)
    now = story.events[-1].recorded_at

    lines = list(folded(story).due(now, 2))
    assert [[each.intent.run_id for each in line] for line in lines] == [["a", "b"], ["a", "b"]]
    assert list(folded(story).due(now, 2)) == lines


def test_strange_claims_and_settlements_change_nothing() -> None:
    story = failed()
    notification = only(folded(story))
    settle(story, notification, "retry", retry_at=5)
    story.add(STREAM, OpaqueEvent("runledger.notifications.claimed.v9", b"", "unknown"))
    unknown = NotificationsClaimedEvent(server="s", lease_seconds=1e308, notifications=[])
    story.add("notifications:other", unknown)
    assert only(folded(story)) == notification

    claim(story, notification, lease=1e308)
    head = folded(story).head
    assert head is not None
    assert head.seq == 3
    assert only(folded(story)).due_at < 10**14


def _ending(data: st.DataObject) -> tuple[str, Event | OpaqueEvent]:
    return "run:r1", RunStatusChangedEvent(previous=S.RUNNING, status=data.draw(st.sampled_from([S.FAILED])))


_MORE: list[dict[str, bool]] = [{}, {"unreached": True}, {"digested": True}]


@given(st.data())
def test_claims_at_any_time_keep_the_books_right(data: st.DataObject) -> None:
    """Whatever is claimed and settled: what is open is not at its end, and what is due is open."""
    story = told(data.draw(st.lists(steps, max_size=12)))
    evaluator, notifications = Evaluator(story), Notifications(STREAM)
    for happened in story.events:
        notifications.fold(happened, evaluator.fold(happened))
    for _ in range(data.draw(st.integers(0, 12))):
        found = list(notifications)
        ours: bool = data.draw(st.booleans())
        if found and ours:
            notification = data.draw(st.sampled_from(found))
            if data.draw(st.booleans()):
                happened = claim(story, notification, server=data.draw(st.sampled_from(["s1", "s2"])), lease=5)
            else:
                outcome = data.draw(st.sampled_from(["sent", "retry", "rejected", "dead", "suppressed", "ambiguous"]))
                happened = settle(story, notification, outcome, **data.draw(st.sampled_from(_MORE)))
        else:
            happened = story.add(*data.draw(st.one_of(steps, st.just(_ending(data)))))
        notifications.fold(happened, evaluator.fold(happened))
        later = happened.recorded_at + 1_000 * SECOND
        due = [each for line in notifications.due(later, 1_000) for each in line]
        assert sorted(each.id for each in due) == sorted(each.id for each in notifications)
        assert {each.id for each in notifications.claimed()} == {
            each.id for each in notifications if each.state is State.CLAIMED
        }
        assert not any(each.state in ENDS for each in notifications)
        assert {each.id: each for each in folded(story)} == {each.id: each for each in notifications}


def test_what_was_never_claimed_is_due_though_the_clock_of_the_log_is_ahead_of_ours() -> None:
    story = failed()
    hour_ago = story.events[-1].recorded_at - 3_600 * SECOND
    pending = only(folded(story))
    assert list(folded(story).due(hour_ago, 10)) == [[pending]]

    claim(story, pending)
    assert list(folded(story).due(hour_ago, 10)) == []


def gave_up(story: Story, *run_ids: str) -> None:
    """Nobody could send what is told of these."""
    for each in folded(story):
        if each.intent.run_id in run_ids and each.intent.kind == "fired":
            settle(story, each, "suppressed", digested=True)


def failing(story: Story, *run_ids: str) -> None:
    for run_id in run_ids:
        story.start(run_id)
        story.fail(run_id)


def counts(story: Story) -> list[int]:
    return [each.intent.count for each in folded(story) if each.intent.kind == "digest"]


def test_what_nobody_could_send_is_one_digest_that_grows_until_somebody_sends_it() -> None:
    story = Story()
    story.rule()
    failing(story, "a", "b", "c", "d")
    gave_up(story, "a")
    gave_up(story, "b")
    assert counts(story) == [2]
    [digest] = [each for each in folded(story) if each.intent.kind == "digest"]
    claim(story, digest)
    gave_up(story, "c")
    assert counts(story) == [2, 1]
    held = folded(story).get(digest.id)
    assert held is not None
    settle(story, held, "sent")
    gave_up(story, "d")
    assert counts(story) == [2]


def test_a_digest_that_nobody_heard_of_grows_on_and_one_that_may_have_come_does_not() -> None:
    for unreached, left in ((True, [2]), (None, [1, 1])):
        story = Story()
        story.rule()
        failing(story, "a", "b")
        gave_up(story, "a")
        [digest] = [each for each in folded(story) if each.intent.kind == "digest"]
        claim(story, digest)
        again = folded(story).get(digest.id)
        assert again is not None
        settle(story, again, "retry" if unreached else "ambiguous", unreached=unreached)
        gave_up(story, "b")
        assert counts(story) == left


def test_a_digest_whose_sender_died_is_not_changed_behind_his_back() -> None:
    story = Story()
    story.rule()
    failing(story, "a", "b")
    gave_up(story, "a")
    for _ in range(2):
        [digest] = [each for each in folded(story) if each.intent.kind == "digest"]
        claim(story, digest)
    again = folded(story).get(digest.id)
    assert again is not None
    settle(story, again, "retry", unreached=True)
    gave_up(story, "b")
    assert counts(story) == [1, 1]


def test_a_digest_of_what_nobody_could_send_is_kept_back_by_what_is_about_all_of_it() -> None:
    story = Story()
    story.rule("r1")
    story.rule("r2")
    failing(story, "a")
    gave_up(story, "a")
    story.add("rule:r1", AlertRuleDisabledEvent())
    assert only(folded(story)).suppressed is None
    story.add("recipient:m", RecipientUnsubscribedEvent(recipient=MARIA))
    assert "unsubscribed" in (only(folded(story)).suppressed or "")
