"""Groups, deadlines and limits on either log: servers with a replica each find the same, and send each mail once."""

import asyncio
from contextlib import suppress

from alerts.preview import would_send
from ledger.application.handling import Caller
from ledger.commands import ChangeStatus, LimitRecipient, StartRun
from ledger.feed import Feed
from ledger.queries import Span
from schemas.events import NotificationsClaimedEvent
from schemas.statuses import RunStatus
from tests.alerts.deliver.working import Memory, define, ended, service, told
from tests.ledger.conftest import CALLER, Open, Parts

CHILDREN = 12
SECONDS = 60


def begin(parts: Parts) -> list[str]:
    """A sweep that fails, and a run that hangs; three rules, and a recipient who wants two mails in two seconds."""
    rules = [
        define(parts, "sweep@x.org", include_children=True, group={"by": ["parent"], "wait_seconds": 1}),
        define(
            parts,
            "hung@x.org",
            experiment="long",
            on={"what": "unfinished", "seconds": 1},
            group={"by": ["run"], "wait_seconds": 0, "interval_seconds": 0, "resolved": True},
        ),
        define(parts, "few@x.org", include_children=True),
    ]
    ledger, caller = parts.ledger(), Caller("maria", "//h")
    ledger.handle(LimitRecipient(recipient="few@x.org", mails=2, seconds=2), caller)
    ledger.handle(StartRun(run_id="hanging", experiment="long"), caller)
    ledger.handle(StartRun(run_id="top", experiment="sweeps"), caller)
    for number in range(CHILDREN):
        child = StartRun(run_id=f"c{number}", experiment="sweeps", parent_run_id="top", status=RunStatus.FAILED)
        ledger.handle(child, caller)
    return rules


async def until(channel: Memory, *recipients: str) -> None:
    """Wait until mails to these have come, however often each is named."""
    async with asyncio.timeout(SECONDS):
        while sorted(mail.recipient for mail in channel.mails) != sorted(recipients):
            channel.came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await channel.came.wait()


def test_servers_find_and_send_the_same_once(open_parts: Open) -> None:
    one, two = open_parts(), open_parts()
    rules = begin(one)
    channel, first = Memory(), ["sweep@x.org", "hung@x.org", "few@x.org", "few@x.org", "few@x.org"]

    async def story() -> None:
        stops = {name: asyncio.Event() for name in "ab"}
        tasks = {
            name: asyncio.create_task(service(parts, channel, server=name).run(stops[name]))
            for name, parts in (("a", one), ("b", two))
        }
        await until(channel, *first)
        stops["a"].set()  # the other goes on alone
        await tasks["a"]
        done = ChangeStatus(run_id="hanging", status=RunStatus.COMPLETED)
        await asyncio.to_thread(two.ledger().handle, done, CALLER)
        await until(channel, *first, "hung@x.org")
        stops["b"].set()
        await tasks["b"]

    asyncio.run(story())

    said = [(mail.recipient, mail.content.decode().split()[1:]) for mail in channel.mails]
    assert sorted(said) == sorted(
        [
            ("sweep@x.org", ["fired", "Failed"]),
            ("few@x.org", ["fired", "Failed"]),
            ("few@x.org", ["fired", "Failed"]),
            ("few@x.org", ["digest", "Failed"]),
            ("hung@x.org", ["fired", "Running"]),
            ("hung@x.org", ["resolved", "Completed"]),
        ]
    )
    for parts in (one, two):
        parts.control.catch_up()
        feed = Feed(parts.control.id, parts.database)
        found = list(would_send(feed, set(rules), Span()))
        claims = told(parts, NotificationsClaimedEvent)
        claimed = [claim.notification for event in claims for claim in event.notifications]
        assert sorted(claimed) == sorted(intent.id for intent in found)
        assert sorted(intent.count for intent in found) == [1, 1, 1, 1, CHILDREN - 2, CHILDREN]
        assert sum(ended(parts).values()) == len(found)
