"""Groups, deadlines and digests through the real service: due in a quiet log, once, whoever comes and goes."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from alerts.deliver.notification import State
from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.runs import FeedRunEvents
from alerts.preview import would_send
from ledger.application.handling import Caller
from ledger.commands import ChangeStatus, CreateSilence, DisableRule, EndSilence, StartRun
from ledger.feed import Feed
from ledger.queries import Span
from schemas.events import NotificationsClaimedEvent, NotificationsDueEvent, NotificationsSettledEvent
from schemas.statuses import RunStatus
from tests.alerts.deliver.working import FastClock, Memory, define, ended, fail, service, stream_of, told, work
from tests.ledger.conftest import CALLER, Open, Parts


@pytest.fixture
def parts(sqlite_parts: Open) -> Parts:
    return sqlite_parts()


def ticks(parts: Parts) -> int:
    return sum(isinstance(happened.event, NotificationsDueEvent) for happened in stream_of(parts).after(0))


def until_sent(parts: Parts, channel: Memory, count: int) -> None:
    """Let a service work until so many mails are sent."""

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(service(parts, channel).run(stop))
        async with asyncio.timeout(60):
            while len(channel.mails) < count:
                channel.came.clear()
                await channel.came.wait()
        stop.set()
        await task

    asyncio.run(run())


def test_a_group_is_told_in_a_log_that_went_quiet(parts: Parts) -> None:
    define(parts, group={"by": ["experiment"], "wait_seconds": 1})
    fail(parts, "a", "b", "c")
    channel = Memory()
    until_sent(parts, channel, 1)

    assert (len(channel.mails), ticks(parts)) == (1, 1)
    assert ended(parts) == {State.SENT: 1}


def test_a_run_that_does_not_end_is_told_of_and_one_that_ended_is_not(parts: Parts) -> None:
    define(parts, on={"what": "unfinished", "seconds": 1})
    caller = Caller("maria", "//h")
    for run_id in ("hung", "done"):
        parts.ledger().handle(StartRun(run_id=run_id, experiment="vision"), caller)
    parts.ledger().handle(ChangeStatus(run_id="done", status=RunStatus.COMPLETED), caller)
    channel = Memory()
    until_sent(parts, channel, 1)

    assert [mail.content.split()[0] for mail in channel.mails] == [b"hung"]


def test_a_clock_that_is_an_hour_fast_makes_nothing_due_before_its_time(parts: Parts) -> None:
    define(parts, on={"what": "unfinished", "seconds": 600})
    parts.ledger().handle(StartRun(run_id="a", experiment="vision"), CALLER)
    clock = FastClock()
    clock.ahead = 3_600_000
    channel = Memory()

    assert work(service(parts, channel, now=clock)) == [True]
    assert work(service(parts, channel, now=clock)) == [True]
    assert (channel.mails, ticks(parts)) == ([], 2)


def test_of_several_servers_one_says_that_time_has_passed(parts: Parts) -> None:
    define(parts, group={"by": ["run"], "wait_seconds": 1})
    fail(parts, "a")
    channel = Memory()

    async def run() -> None:
        stop = asyncio.Event()
        servers = [service(parts, channel, server=f"s{number}") for number in range(3)]
        tasks = [asyncio.create_task(each.run(stop)) for each in servers]
        async with asyncio.timeout(60):
            await channel.came.wait()
        stop.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert len(channel.mails) == 1
    assert ticks(parts) == 1


def test_live_with_restarts_claims_what_a_preview_finds(parts: Parts) -> None:
    """Rules and silences change on the way; the server stops and starts, and so do its rivals."""
    rules = [
        define(parts, group={"by": ["experiment"], "wait_seconds": 0, "interval_seconds": 1, "resolved": True}),
        define(parts, throttle={"mails": 3, "seconds": 1}),
        define(parts, on={"what": "unfinished", "seconds": 1}, include_children=True),
        define(parts, "b@example.org", experiment="vis*"),
    ]
    silence, ledger = "6a3c0c3e-6a3f-4d7c-9a36-3a7a1a0c9d11", parts.ledger()
    channel = Memory()
    for step in range(12):
        fail(parts, *(f"r{step}-{number}" for number in range(3)))
        ledger.handle(StartRun(run_id=f"open{step}", experiment="vision"), CALLER)
        if step % 3 == 0:
            ledger.handle(ChangeStatus(run_id=f"open{step}", status=RunStatus.COMPLETED), CALLER)
        if step == 4:
            until = FastClock()() + 3_600_000
            command = CreateSilence(
                silence_id=silence,
                matchers=[{"attribute": "run", "operator": "=~", "value": "r*-1"}],
                until=datetime.fromtimestamp(until / 1_000, UTC),
            )
            ledger.handle(command, CALLER)
        if step == 8:
            ledger.handle(EndSilence(silence_id=silence), CALLER)
            ledger.handle(DisableRule(rule_id=rules[3]), CALLER)
        work(service(parts, channel, server=f"s{step}"), seconds=0.4)
    work_until_quiet(parts, channel)

    claims = told(parts, NotificationsClaimedEvent)
    claimed = Counter(claim.notification for event in claims for claim in event.notifications)
    feed = Feed(parts.control.id, parts.database)
    found = list(would_send(feed, set(rules), Span()))
    wanted = {intent.id for intent in found if intent.suppressed is None}
    outcomes = [outcome for event in told(parts, NotificationsSettledEvent) for outcome in event.outcomes]
    suppressed_later = {outcome.notification for outcome in outcomes if outcome.outcome == "suppressed"}
    assert set(claimed) <= wanted
    assert wanted - set(claimed) <= suppressed_later
    assert len(channel.mails) == len(claimed)
    assert {intent.kind for intent in found} >= {"fired", "digest"}


def work_until_quiet(parts: Parts, channel: Memory) -> None:
    for number in range(100):
        work(service(parts, channel, server=f"last{number}"), seconds=5)
        if not due(parts):
            return
        time.sleep(0.1)


def due(parts: Parts) -> bool:
    """Whether anything is still to become due."""
    feed = Feed(parts.control.id, parts.database)
    evaluator = Evaluator(FeedRunEvents(feed))
    for happened in feed.after(0, 100_000):
        evaluator.fold(happened)
    return evaluator.next_due is not None
