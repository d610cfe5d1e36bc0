"""The stream of claims and settlements: its head lets one server in and voids the others."""

from datetime import UTC, datetime

import pytest

from ledger.errors import LostRaceError
from ledger.notifications import NotificationStream
from ledger.store.fold import Head
from schemas.events import NotificationsClaimedEvent
from tests.ledger.conftest import CALLER, Open, Parts


def stream_of(parts: Parts) -> NotificationStream:
    return NotificationStream(parts.control, parts.database, CALLER, now=lambda: datetime.now(UTC))


def claim(server: str) -> NotificationsClaimedEvent:
    return NotificationsClaimedEvent(server=server, lease_seconds=60, notifications=[])


def test_one_of_two_who_saw_the_same_head_wins(open_parts: Open) -> None:
    first, second = stream_of(open_parts()), stream_of(open_parts())
    assert first.name == second.name
    assert (first.head(), list(first.after(0))) == (None, [])

    position = first.append([claim("s1")], None)
    with pytest.raises(LostRaceError):
        second.append([claim("s2")], None)
    second.catch_up()
    [won] = second.after(0)
    assert (won.position, won.event) == (position, claim("s1"))
    assert second.head() == Head(won.envelope.seq, won.hash) == first.head()

    second.append([claim("s2")], second.head())
    first.catch_up()
    assert [each.event for each in first.after(1)] == [claim("s2")]


def test_the_same_claim_on_another_head_is_lost_too(open_parts: Open) -> None:
    stream = stream_of(open_parts())
    stream.append([claim("s1")], None)
    head = stream.head()
    stream.append([claim("s1")], head)

    with pytest.raises(LostRaceError):
        stream.append([claim("s1")], head)
    assert len(stream.after(0)) == 2
