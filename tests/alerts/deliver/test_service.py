"""The alert service: what is in the log is sent, once, by one of all who might."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from alerts.channels.channel import Ambiguous, Broken, Mail, Outcome, Rejected, Retry, Sent
from alerts.deliver.composing import AT_ONCE_SECONDS
from alerts.deliver.notification import State
from alerts.deliver.rate import Rate
from alerts.evaluate.intent import Intent
from alerts.facts import Facts
from ledger.commands import DisableRule
from ledger.errors import LostRaceError, UnavailableError, UnknownOutcomeError
from ledger.notifications import NotificationStream, OwnEvent
from ledger.store.fold import Head
from schemas.addresses import EMAIL
from schemas.events import NotificationsClaimedEvent, NotificationsSettledEvent
from tests.alerts.deliver.folding import claim_of
from tests.alerts.deliver.working import (
    FastClock,
    Memory,
    books,
    compose,
    define,
    ended,
    fail,
    service,
    stream_of,
    taken,
    told,
    work,
)
from tests.alerts.story import MARIA
from tests.ledger.conftest import CALLER, Open, Parts


@pytest.fixture
def parts(sqlite_parts: Open) -> Parts:
    return sqlite_parts()


def test_a_failure_is_claimed_sent_and_settled(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")
    channel = Memory()

    assert work(service(parts, channel)) == [True]
    assert [(mail.recipient, mail.content) for mail in channel.mails] == [("maria@example.org", b"a fired Failed")]
    [claimed] = told(parts, NotificationsClaimedEvent)
    [settled] = told(parts, NotificationsSettledEvent)
    assert [claim.notification for claim in claimed.notifications] == [channel.mails[0].notification]
    assert [(each.outcome, each.code, each.attempt) for each in settled.outcomes] == [("sent", 250, 1)]


def test_what_was_sent_is_not_sent_by_who_comes_later(parts: Parts) -> None:
    define(parts)
    fail(parts, "a", "b")
    work(service(parts, Memory()))
    channel = Memory()

    assert work(service(parts, channel, server="s2")) == [True]
    assert channel.mails == []
    assert ended(parts) == {State.SENT: 2}


def test_servers_share_the_work_and_send_nothing_twice(open_parts: Open) -> None:
    first, second = open_parts(), open_parts()
    define(first, "a@x.org", "b@x.org", "c@x.org")
    fail(first, *(f"r{number}" for number in range(12)))

    async def slow(_: Mail) -> Outcome:
        await asyncio.sleep(0.01)
        return Sent(250, "ok")

    channels = Memory(slow, connections=3), Memory(slow, connections=3)
    services = [
        service(each, channel, server=f"s{id(channel)}")
        for each, channel in zip((first, second), channels, strict=True)
    ]
    work(*services)
    work(service(first, channels[0], server="last"))

    sent = Counter(mail.notification for channel in channels for mail in channel.mails)
    assert len(sent) == 36
    assert set(sent.values()) == {1}
    assert ended(first) == {State.SENT: 36}
    assert max(channel.most for channel in channels) <= 3


def test_a_claim_is_never_larger_than_the_pool(parts: Parts) -> None:
    define(parts, *(f"m{number}@x.org" for number in range(20)))
    fail(parts, "a")
    channel = Memory(connections=4)
    work(service(parts, channel))

    assert len(channel.mails) == 20
    assert max(len(claimed.notifications) for claimed in told(parts, NotificationsClaimedEvent)) <= 4
    assert channel.most <= 4


def test_what_is_claimed_and_not_settled_is_never_more_than_the_pool(parts: Parts) -> None:
    define(parts, *(f"m{number}@x.org" for number in range(6)))
    fail(parts, *"abcd")

    def slowly(intent: Intent, facts: Facts) -> Mail:
        time.sleep(1.5 * AT_ONCE_SECONDS)
        return compose(intent, facts)

    work(service(parts, Memory(connections=4), composed=slowly))
    held: set[str] = set()
    for happened in stream_of(parts).after(0):
        match happened.event:
            case NotificationsClaimedEvent() as event:
                held |= {claim.notification for claim in event.notifications}
            case NotificationsSettledEvent() as event:
                held -= {outcome.notification for outcome in event.outcomes}
            case _:
                pass
        assert len(held) <= 4
    assert ended(parts) == {State.SENT: 24}


def test_a_refused_or_failing_recipient_delays_nobody(parts: Parts) -> None:
    define(parts, "bad@x.org", "slow@x.org", "later@x.org", "good@x.org")
    fail(parts, *"abcdefghij")

    async def answer(mail: Mail) -> Outcome:
        if mail.recipient == "slow@x.org":
            await asyncio.sleep(60)
        if mail.recipient == "later@x.org":
            return Retry("greylisted", 451)
        return Rejected(mail.recipient, 550, "no such user") if mail.recipient == "bad@x.org" else Sent(250, "ok")

    channel = Memory(answer)
    assert work(service(parts, channel, grace_seconds=0.05), seconds=2.0) == [False]
    handed = Counter(mail.recipient for mail in channel.mails)
    assert handed["good@x.org"] == handed["bad@x.org"] == handed["later@x.org"] == 10
    assert handed["slow@x.org"] <= 4
    notifications = books(parts)
    assert notifications.ended == {State.SENT: 10, State.REJECTED: 10}
    assert {each.intent.recipient for each in notifications} == {"slow@x.org", "later@x.org"}


def test_what_was_broken_off_is_ambiguous_and_sent_again_under_the_same_identity(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")
    hanging = Memory(lambda _: asyncio.sleep(60, Sent(250, "ok")))
    work(service(parts, hanging, grace_seconds=0.05), seconds=0.3)
    [settled] = told(parts, NotificationsSettledEvent)
    assert [each.outcome for each in settled.outcomes] == ["ambiguous"]

    clock, channel = FastClock(), Memory()
    assert work(service(parts, channel, now=clock)) == [True]
    assert channel.mails == []
    clock.ahead = 61_000
    assert work(service(parts, channel, now=clock)) == [True]
    assert channel.mails == hanging.mails


def test_what_fails_is_tried_again_until_it_is_too_old(parts: Parts) -> None:
    define(parts, retry={"first_seconds": 30, "longest_seconds": 1_800, "max_age_seconds": 3_600})
    fail(parts, "a")

    async def later(_: Mail) -> Outcome:
        return Retry("greylisted", 451)

    clock, channel = FastClock(), Memory(later)
    while len(books(parts)) and clock.ahead < 4_000_000:
        work(service(parts, channel, now=clock))
        clock.ahead += 40_000

    assert ended(parts) == {State.DEAD: 1}
    assert 4 <= len(channel.mails) <= 12
    assert len({mail.notification for mail in channel.mails}) == 1
    *_, last = told(parts, NotificationsSettledEvent)
    assert "greylisted" in last.outcomes[0].because


def test_what_nobody_could_send_in_time_is_one_digest_for_each_recipient(parts: Parts) -> None:
    """All senders were away for a day: no flood, and nothing is dropped."""
    define(parts, MARIA, "eve@example.org")
    define(parts, MARIA)
    runs = [f"r{number}" for number in range(12)]
    fail(parts, *runs)
    clock, channel, intents = FastClock(), Memory(), []
    clock.ahead = 25 * 3_600 * 1_000

    def composed(intent: Intent, facts: Facts) -> Mail:
        intents.append((intent, facts))
        return compose(intent, facts)

    work(service(parts, channel, now=clock, composed=composed))
    work(service(parts, channel, now=clock, server="s2"))

    assert ended(parts) == {State.SUPPRESSED: 36, State.SENT: 2}
    found = {intent.recipient: (intent, facts) for intent, facts in intents}
    assert [mail.recipient for mail in channel.mails] == [intent.recipient for intent, _ in intents]
    intent, facts = found[MARIA]
    assert (intent.kind, intent.count, len(intent.rules)) == ("digest", 24, 2)
    assert (facts.counts, len(facts.told)) == ({"Failed": 24}, 10)
    assert found["eve@example.org"][0].count == 12


def test_while_the_transport_is_broken_for_days_one_digest_grows_and_comes_in_the_end(parts: Parts) -> None:
    define(parts)
    up: list[bool] = []

    async def down(_: Mail) -> Outcome:
        return Sent(250, "ok") if up else Broken("connection refused", None)

    clock, channel = FastClock(), Memory(down)
    for number in range(4):
        fail(parts, f"r{number}")
        work(service(parts, channel, now=clock), seconds=1)
        clock.ahead += 25 * 3_600 * 1_000
    work(service(parts, channel, now=clock), seconds=1)
    tried = len(channel.mails)
    up.append(True)
    work(service(parts, channel, now=clock), seconds=5)

    assert ended(parts) == {State.SUPPRESSED: 4, State.SENT: 1}
    assert len(channel.mails) == tried + 1


def test_what_was_silenced_before_it_was_given_up_is_in_no_digest(parts: Parts) -> None:
    rule_id, channel, clock = define(parts), Memory(), FastClock()
    fail(parts, "a")
    parts.ledger().handle(DisableRule(rule_id=rule_id), CALLER)
    clock.ahead = 25 * 3_600 * 1_000
    work(service(parts, channel, now=clock))

    assert (channel.mails, ended(parts)) == ([], {State.SUPPRESSED: 1})


def test_a_rule_disabled_before_the_claim_sends_nothing(parts: Parts) -> None:
    rule_id, channel = define(parts), Memory()
    fail(parts, "a")
    position = parts.ledger().handle(DisableRule(rule_id=rule_id), CALLER).position
    work(service(parts, channel))

    assert (channel.mails, ended(parts)) == ([], {State.SUPPRESSED: 1})
    [settled] = told(parts, NotificationsSettledEvent)
    assert settled.outcomes[0].because == f"the rule was disabled at position {position}"


def test_a_rule_disabled_while_the_claim_is_on_its_way_sends_nothing(parts: Parts) -> None:
    rule_id, channel = define(parts), Memory()
    fail(parts, "a")

    def at(point: str) -> None:
        if point == "claiming":
            parts.ledger().handle(DisableRule(rule_id=rule_id), CALLER)

    work(service(parts, channel, at=at))

    assert (channel.mails, ended(parts)) == ([], {State.SUPPRESSED: 1})
    assert len(told(parts, NotificationsClaimedEvent)) == 1


def test_a_rule_disabled_behind_the_claim_does_not_stop_the_mail(parts: Parts) -> None:
    rule_id, channel = define(parts), Memory()
    fail(parts, "a")

    def at(point: str) -> None:
        if point == "claimed":
            parts.ledger().handle(DisableRule(rule_id=rule_id), CALLER)

    work(service(parts, channel, at=at))

    assert (len(channel.mails), ended(parts)) == (1, {State.SENT: 1})


def test_a_rule_disabled_behind_the_claim_of_a_server_that_died_is_settled_as_that(parts: Parts) -> None:
    rule_id, channel = define(parts), Memory()
    fail(parts, "a")
    stream, [pending] = stream_of(parts), books(parts)
    claimed = NotificationsClaimedEvent(server="dead", lease_seconds=600, notifications=[claim_of(pending, 1)])
    stream.append([claimed], stream.head())
    parts.ledger().handle(DisableRule(rule_id=rule_id), CALLER)

    work(service(parts, channel, gone=lambda server: server == "dead"))
    assert (channel.mails, ended(parts)) == ([], {State.SUPPRESSED: 1})


def test_who_has_no_address_is_settled_with_the_reason(parts: Parts) -> None:
    define(parts, "@submitter")
    fail(parts, "a")
    work(service(parts, Memory()))

    [settled] = told(parts, NotificationsSettledEvent)
    assert settled.outcomes[0].because.startswith("no address for @submitter")
    assert ended(parts) == {State.SUPPRESSED: 1}


def test_while_the_transport_is_broken_one_mail_at_a_time_tries_it(parts: Parts) -> None:
    define(parts, *(f"m{number}@x.org" for number in range(40)))
    fail(parts, "a")
    down = True

    async def answer(_: Mail) -> Outcome:
        return Broken("connection refused") if down else Sent(250, "ok")

    channel = Memory(answer)
    clock = FastClock(20)
    alerts = service(parts, channel, now=clock)
    assert work(alerts, seconds=1.0) == [False]
    assert 8 <= len(channel.mails) <= 8 + 6
    assert alerts.lanes[EMAIL].breaker.failures >= 2
    down = False
    assert work(service(parts, channel, now=clock)) == [True]
    assert ended(parts) == {State.SENT: 40}


def test_a_mail_that_cannot_be_composed_delays_no_other(parts: Parts) -> None:
    define(parts)
    fail(parts, "a", "b")

    def choosy(intent: Intent, facts: Facts) -> Mail:
        if intent.run_id == "a":
            raise KeyError("colour")
        return compose(intent, facts)

    channel = Memory()
    work(service(parts, channel, composed=choosy))

    assert [mail.content for mail in channel.mails] == [b"b fired Failed"]
    [left] = books(parts)
    assert left.because == "it cannot be composed: KeyError: 'colour'"


def test_a_channel_that_raises_is_ambiguous(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")

    async def answer(_: Mail) -> Outcome:
        raise OSError("no route")

    work(service(parts, Memory(answer)))

    [left] = books(parts)
    assert left.because == "the channel failed: OSError: no route"


def test_a_rival_between_our_decision_and_our_claim_makes_us_decide_again(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")
    rival, channel = Memory(), Memory()
    once = [True]

    def at(point: str) -> None:
        if point == "claiming" and once:
            once.clear()
            [pending] = books(parts)
            claims = [claim_of(pending, 1)]
            stream = stream_of(parts)
            event = NotificationsClaimedEvent(server="s2", lease_seconds=60, notifications=claims)
            stream.append([event], stream.head())

    work(service(parts, channel, at=at))
    assert channel.mails == []

    work(service(parts, rival, server="s2"))
    assert (len(rival.mails), ended(parts)) == (1, {State.SENT: 1})


class Flaky(NotificationStream):
    """Loses answers: appends, and then says that it does not know; or says so and does nothing."""

    failing: Callable[[int], Exception | None]
    stores = True
    _calls = 0

    def append(self, events: Sequence[OwnEvent], head: Head | None) -> int:
        self._calls += 1
        error = self.failing(self._calls)
        position = super().append(events, head) if error is None or self.stores else 0
        if error is not None:
            raise error
        return position


@pytest.mark.parametrize("stores", [True, False])
@pytest.mark.parametrize("error", [UnknownOutcomeError("?"), UnavailableError("down"), LostRaceError("x", 1)])
def test_a_lost_answer_of_the_log_loses_and_doubles_nothing(parts: Parts, error: Exception, *, stores: bool) -> None:
    define(parts, "a@x.org", "b@x.org")
    fail(parts, "a")
    stream = Flaky(parts.control, parts.database, CALLER, now=lambda: datetime.now(UTC))
    stream.stores = stores
    stream.failing = lambda call: error if call % 2 else None
    channel = Memory()

    assert work(service(parts, channel, stream=stream)) == [True]
    assert len(channel.mails) == len({mail.notification for mail in channel.mails}) == 2
    assert ended(parts) == {State.SENT: 2}


def test_a_long_send_keeps_its_lease(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")
    slow, eager = Memory(lambda _: asyncio.sleep(1.0, Sent(250, "ok"))), Memory()

    async def both() -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(service(parts, slow, lease_seconds=0.3).run(stop))
            await asyncio.sleep(0.2)
            tasks.create_task(service(parts, eager, server="s2", lease_seconds=0.3).run(stop))
            await asyncio.sleep(1.3)
            stop.set()

    asyncio.run(both())
    assert (len(slow.mails), eager.mails) == (1, [])
    assert ended(parts) == {State.SENT: 1}


def test_what_a_dead_server_held_is_sent_by_another_at_once(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")
    stream, [pending] = stream_of(parts), books(parts)
    claimed = NotificationsClaimedEvent(server="dead", lease_seconds=600, notifications=[claim_of(pending, 1)])
    stream.append([claimed], stream.head())
    channel = Memory()

    work(service(parts, channel))
    assert channel.mails == []
    work(service(parts, channel, gone=lambda server: server == "dead"))
    assert ended(parts) == {State.SENT: 1}


def test_the_running_service_sees_what_happens_and_stops_when_it_is_told(parts: Parts) -> None:
    define(parts)
    channel = Memory(taken)

    async def live() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(service(parts, channel).run(stop))
        for run_id in ("a", "b"):
            await asyncio.to_thread(fail, parts, run_id)
            async with asyncio.timeout(10):
                await channel.came.wait()
            channel.came.clear()
            assert channel.mails[-1].content.startswith(run_id.encode())
        stop.set()
        async with asyncio.timeout(10):
            await running

    asyncio.run(live())
    assert ended(parts) == {State.SENT: 2}


def test_an_answer_that_did_not_come_is_told_as_that(parts: Parts) -> None:
    define(parts)
    fail(parts, "a")

    async def answer(_: Mail) -> Outcome:
        return Ambiguous("no answer to the final dot")

    work(service(parts, Memory(answer)))

    [left] = books(parts)
    assert (left.state, left.attempt, left.because) == (State.RETRY, 1, "no answer to the final dot")


def test_a_channel_that_hangs_delays_no_mail_and_no_other_channel(parts: Parts) -> None:
    define(parts, MARIA, "channel:hung", "channel:good")
    fail(parts, *"abcdefgh")

    async def hang(_: Mail) -> Outcome:
        await asyncio.sleep(60)
        return Sent(200, "")

    mails, hung, good = Memory(connections=2), Memory(hang, connections=2), Memory(connections=2)
    alerts = service(parts, mails, others={"hung": hung, "good": good}, grace_seconds=0.05)
    assert work(alerts, seconds=2.0) == [False]

    assert [mail.recipient for mail in mails.mails] == [MARIA] * 8
    assert [mail.recipient for mail in good.mails] == ["channel:good"] * 8
    assert {mail.recipient for mail in hung.mails} == {"channel:hung"}
    assert hung.most <= 2
    assert books(parts).ended == {State.SENT: 16}


def test_a_channel_that_is_broken_breaks_no_other(parts: Parts) -> None:
    define(parts, MARIA, "channel:down")
    fail(parts, *"abcdefgh")

    async def refuse(_: Mail) -> Outcome:
        return Broken("connection refused")

    down = Memory(refuse, connections=2)
    alerts = service(parts, Memory(), others={"down": down})
    work(alerts, seconds=1.0)
    assert books(parts).ended == {State.SENT: 8}
    assert alerts.lanes["down"].breaker.failures
    assert not alerts.lanes[EMAIL].breaker.failures
    assert len(down.mails) <= 4


def test_what_goes_by_a_channel_that_is_not_here_is_left_to_who_has_it(parts: Parts) -> None:
    define(parts, MARIA, "channel:ops")
    fail(parts, "a")
    assert work(service(parts, Memory())) == [True]
    [left] = books(parts)
    assert (left.state, left.intent.channel) == (State.PENDING, "ops")

    ops = Memory()
    assert work(service(parts, Memory(), server="s2", others={"ops": ops})) == [True]
    assert [mail.recipient for mail in ops.mails] == ["channel:ops"]
    claims = [claim for event in told(parts, NotificationsClaimedEvent) for claim in event.notifications]
    assert [claim.channel for claim in claims] == [EMAIL, "ops"]


def test_a_burst_beyond_the_rate_waits_and_loses_nothing(parts: Parts) -> None:
    define(parts, *(f"m{number}@x.org" for number in range(30)))
    fail(parts, "a")
    came: list[int] = []
    clock = FastClock(20)

    async def answer(_: Mail) -> Outcome:
        came.append(clock())
        return Sent(250, "ok")

    assert work(service(parts, Memory(answer), now=clock, rate=Rate(60, 60))) == [True]
    assert ended(parts) == {State.SENT: 30}
    # One a second, after a burst of two.
    assert came[-1] - came[0] >= 27_000


def test_a_receiver_that_names_a_time_is_not_asked_before(parts: Parts) -> None:
    define(parts, "channel:ops", retry={"first_seconds": 1, "longest_seconds": 1})
    fail(parts, "a")
    ops = Memory(lambda _: asyncio.sleep(0, Retry("429", 429, after_seconds=600)))
    clock = FastClock()
    for ahead, tries in ((0, 1), (590_000, 1), (620_000, 2)):
        clock.ahead = ahead
        work(service(parts, Memory(), others={"ops": ops}, now=clock))
        assert len(ops.mails) == tries
