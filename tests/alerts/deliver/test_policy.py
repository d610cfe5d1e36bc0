"""What is claimed next, when something is tried again, and when it is given up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.channel import Ambiguous, Broken, Outcome, Rejected, Retry, Sent
from alerts.deliver.breaker import Breaker
from alerts.deliver.notification import State
from alerts.deliver.notifications import Notifications
from alerts.deliver.outcomes import dead, given_up, settlement
from alerts.deliver.policy import backoff, next_claims, overdue, retry_at, to_renew
from schemas.rules import Retry as RetrySettings
from tests.alerts.deliver.folding import claim, folded, only, settle
from tests.alerts.story import SECOND, Story

HOUR = 3_600 * SECOND


def failures(recipients: list[str], runs: int) -> Story:
    """Runs r000, r001, ... that failed, each told to every recipient."""
    story = Story()
    story.rule(recipients=recipients)
    for number in range(runs):
        story.start(f"r{number:03}")
        story.fail(f"r{number:03}")
    return story


def now_of(story: Story) -> int:
    return story.events[-1].recorded_at


def chosen(notifications: Notifications, now: int, **settings: int) -> list[tuple[str, str]]:
    free, connections = settings.get("free", 8), settings.get("connections", 8)
    found = next_claims(notifications, now, free=free, connections=connections)
    return [(each.intent.run_id, each.intent.recipient) for each in found]


def test_recipients_take_turns() -> None:
    story = failures(["a@x.org", "b@x.org", "c@x.org"], 5)

    found = chosen(folded(story), now_of(story), free=5)
    assert [run_id for run_id, _ in found] == ["r000", "r000", "r000", "r001", "r001"]
    assert {recipient for _, recipient in found[:3]} == {"a@x.org", "b@x.org", "c@x.org"}


def test_one_recipient_takes_half_of_the_connections() -> None:
    story = failures(["a@x.org"], 9)
    assert len(chosen(folded(story), now_of(story))) == 4
    assert len(chosen(folded(story), now_of(story), free=3)) == 3
    assert len(chosen(folded(story), now_of(story), connections=1)) == 1

    notifications = folded(story)
    claim(story, *next_claims(notifications, now_of(story), free=8, connections=8))
    assert chosen(folded(story), now_of(story)) == []


def test_what_is_tried_again_goes_one_by_one_and_leaves_room() -> None:
    bad = [f"bad{number}@x.org" for number in range(6)]
    story = failures(bad, 2)
    notifications = folded(story)
    everything = list(notifications)
    claim(story, *everything)
    for notification in folded(story).claimed():
        settle(story, notification, "retry", retry_at=now_of(story))
    story.rule("r2", recipients=["good@x.org"], run_id="last")
    story.start("last")
    story.fail("last")

    found = chosen(folded(story), now_of(story))
    again = [recipient for run_id, recipient in found if run_id != "last"]
    assert ("last", "good@x.org") in found
    assert len(again) == len(set(again)) == 4


def test_what_is_tried_again_by_one_channel_takes_no_place_in_another() -> None:
    story = failures(["a@x.org", "channel:ops"], 1)
    claim(story, *folded(story))
    for notification in folded(story).claimed():
        settle(story, notification, "retry", retry_at=now_of(story))
    [ops] = next_claims(folded(story), now_of(story), channel="ops", free=1, connections=2)
    claim(story, ops)

    found = next_claims(folded(story), now_of(story), free=1, connections=2)
    assert [each.intent.recipient for each in found] == ["a@x.org"]


def test_a_lease_is_waited_for_unless_its_server_is_gone() -> None:
    story = failures(["a@x.org"], 1)
    claim(story, only(folded(story)), server="s1", lease=60)
    notifications, now = folded(story), now_of(story)

    assert next_claims(notifications, now, free=8, connections=8) == []
    assert len(next_claims(notifications, now, free=8, connections=8, gone=lambda server: server == "s1")) == 1
    assert next_claims(notifications, now, free=8, connections=8, gone=lambda server: server == "s2") == []
    assert len(next_claims(notifications, now + 60 * SECOND, free=8, connections=8)) == 1


def test_half_a_lease_is_renewed() -> None:
    assert to_renew({"a": 0, "b": 2 * SECOND}, 31 * SECOND, 60) == ["a"]


def test_what_a_server_is_sending_it_does_not_claim_again_whatever_the_clocks_say() -> None:
    story = failures(["a@x.org"], 2)
    claim(story, *folded(story))
    notifications, late = folded(story), now_of(story) + 100 * SECOND
    first, second = notifications.claimed()

    assert next_claims(notifications, late, free=8, connections=8, sending={first.id, second.id}) == []
    assert next_claims(notifications, late, free=8, connections=8, sending={}) == [first]


def test_what_is_suppressed_or_too_old_is_not_claimed() -> None:
    story = failures(["a@x.org"], 1)
    later = now_of(story) + 24 * HOUR
    assert chosen(folded(story), later - 1) == [("r000", "a@x.org")]
    assert chosen(folded(story), later) == []
    assert overdue(folded(story), later - 1, 8) == []
    assert overdue(folded(story), later, 8) == [only(folded(story))]

    story.silence()
    assert chosen(folded(story), now_of(story)) == []


@given(st.uuids().map(lambda value: value.hex), st.integers(1, 10_000))
def test_waits_grow_and_are_the_same_for_everybody(notification_id: str, attempt: int) -> None:
    retry = RetrySettings()
    wait = backoff(notification_id, attempt, retry)

    assert wait == backoff(notification_id, attempt, retry)
    assert 30 <= wait <= min(1_800, 30 * 2.0 ** min(attempt, 100))


def test_waits_are_spread() -> None:
    waits = [backoff(f"{number:032x}", 6, RetrySettings()) for number in range(400)]

    assert min(waits) < 130
    assert max(waits) > 1_700
    assert 800 < sum(waits) / len(waits) < 1_030


@pytest.mark.parametrize(
    ("came", "outcome", "waits"),
    [
        (Sent(250, "2.0.0 Ok: queued as 4ZX"), "sent", None),
        (Rejected("a@x.org", 550, "no such user"), "rejected", None),
        (Rejected("a@x.org", None, "no SMTPUTF8 here"), "rejected", None),
        (Retry("greylisted", 451), "retry", True),
        (Ambiguous("the connection was lost after the final dot"), "ambiguous", True),
        (Broken("connection refused", None, 30.0), "retry", False),
    ],
)
def test_what_an_attempt_came_to_is_told(came: Outcome, outcome: str, waits: bool | None) -> None:
    story = failures(["a@x.org"], 1)
    claim(story, only(folded(story)))
    notification, now = only(folded(story)), now_of(story)
    told = settlement(notification, came, now)

    assert (told.notification, told.attempt, told.outcome) == (notification.id, 1, outcome)
    expected = None if waits is None else retry_at(notification, now) if waits else now
    assert told.retry_at == expected


@pytest.mark.parametrize("came", [Retry("later", 451), Ambiguous("lost")])
def test_what_would_be_too_late_is_dead(came: Outcome) -> None:
    story = failures(["a@x.org"], 1)
    claim(story, only(folded(story)))
    notification = only(folded(story))
    told = settlement(notification, came, notification.gives_up_at)

    assert (told.outcome, told.retry_at) == ("dead", None)
    assert "too old" in (told.because or "")


def test_what_the_transport_held_up_until_it_is_too_late_is_told_in_a_digest() -> None:
    story = failures(["a@x.org"], 1)
    claim(story, only(folded(story)))
    notification = only(folded(story))
    told = settlement(notification, Broken("down", None), notification.gives_up_at)

    assert (told.outcome, told.digested) == ("suppressed", True)
    assert told.because == "nobody could send it within 24 hours: it is told in a digest"


def test_what_was_refused_once_is_dead_and_what_nobody_heard_of_is_not() -> None:
    story = failures(["a@x.org"], 1)
    claim(story, only(folded(story)))
    settle(story, only(folded(story)), "retry", retry_at=now_of(story), unreached=True)
    assert given_up(only(folded(story))).outcome == "suppressed"
    claim(story, only(folded(story)))
    settle(story, only(folded(story)), "retry", retry_at=now_of(story))
    assert given_up(only(folded(story))).outcome == "dead"


def test_a_dead_one_says_why_it_was_not_sent() -> None:
    story = failures(["a@x.org"], 1)
    notification = replace(only(folded(story)), state=State.RETRY, attempt=3, because="451 later")

    assert dead(notification).because == "not sent within 24 hours; before that: 451 later"


def test_a_reply_of_any_bytes_can_be_stored() -> None:
    story = failures(["a@x.org"], 1)
    told = settlement(only(folded(story)), Sent(-1, "a\x00b\ud800" + "x" * 10_000), 0)

    assert told.code is None
    assert told.reply == ("a\ufffdb\ufffd" + "x" * 10_000)[:500]


def test_a_broken_transport_is_tried_with_one_mail_at_a_time() -> None:
    breaker = Breaker()
    assert breaker.allows(0, connections=8, under_way=3) == 5

    broken = breaker.broke(1_000)
    assert broken.broke(1_001).broke(1_999) == broken
    assert broken.allows(1_999, connections=8, under_way=0) == 0
    assert broken.allows(2_000, connections=8, under_way=0) == 1
    assert broken.allows(2_000, connections=8, under_way=1) == 0
    assert broken.broke(2_000).try_at == 4_000
    assert broken.worked() == Breaker()


def test_a_breaker_waits_as_long_as_the_channel_asks_and_no_longer_than_two_minutes() -> None:
    assert Breaker().broke(0, at_least=30.0).try_at == 30_000
    assert Breaker(40, 0).broke(1).try_at == 120_001
