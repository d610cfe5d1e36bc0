"""What to claim, when to try again, when to give up: pure functions of the folded state and a clock."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import islice

from alerts.deliver.notification import Notification
from alerts.deliver.notifications import Notifications
from schemas.addresses import EMAIL
from schemas.rules import Retry

_SECOND = 1_000

Gone = Callable[[str], bool]
"""Whether a server is known to have ended, so that its lease need not be waited for."""


def next_claims(
    open_: Notifications,
    now: int,
    *,
    free: int,
    connections: int,
    channel: str = EMAIL,
    sending: Collection[str] = (),
    settling: Collection[str] = (),
    gone: Gone = lambda _: False,
) -> list[Notification]:
    """Up to `free` notifications of a channel that a server may claim now, beside those that it is `sending`.

    What it is `settling` holds no connection any more, and is not claimed before its outcome is in the log.

    Recipients take turns. Each has at most half of the connections, and so have all that is tried
    again, of which a recipient has one; so none that hangs or refuses keeps the others waiting.
    """
    if not free:
        return []
    share = max(1, connections // 2)
    busy: Counter[str] = Counter()
    again = 0
    for each in open_.claimed():
        if each.intent.channel != channel or each.id in settling:
            continue
        if each.id in sending or (each.due_at > now and not gone(each.server)):
            busy[each.intent.recipient] += 1
            again += each.attempt > 1
    chosen: list[Notification] = []
    for waiting in _turns(_lines(open_, now, channel, share, {*sending, *settling}, gone)):
        recipient, repeats = waiting.intent.recipient, waiting.attempt > 0
        if len(chosen) < free and busy[recipient] < (1 if repeats else share) and again + repeats <= share:
            busy[recipient] += 1
            again += repeats
            chosen.append(waiting)
    return chosen


def kept_back(
    open_: Notifications, now: int, limit: int, *, sending: Collection[str] = (), gone: Gone = lambda _: False
) -> list[Notification]:
    """Up to `limit` suppressed notifications that nobody sends any more.

    One that was claimed before is its server's until the lease is over or the server is gone: nobody else may send it.
    """
    over = (
        each
        for each in open_.suppressed()
        if not each.may_be_sent or (each.id not in sending and (each.due_at <= now or gone(each.server)))
    )
    return list(islice(over, limit))


def overdue(open_: Notifications, now: int, limit: int) -> list[Notification]:
    """Up to `limit` notifications that are due and too old."""
    found = [each for line in open_.due(now, limit) for each in line if too_old(each, now)]
    return found[:limit]


def too_old(notification: Notification, now: int) -> bool:
    """Whether it is to be given up rather than tried (again)."""
    return now >= notification.gives_up_at


def retry_at(notification: Notification, now: int) -> int:
    """When an attempt that failed at `now` is followed by another; the same on every server."""
    retry = notification.intent.definition.retry
    return now + int(backoff(notification.id, notification.attempt, retry) * _SECOND)


def backoff(notification_id: str, attempt: int, retry: Retry) -> float:
    """Seconds to wait after an attempt: exponential, spread evenly between the first wait and the full one.

    The spread comes from the notification and the attempt, so that nothing has to be drawn.
    """
    doubled = retry.first_seconds << min(max(attempt, 1), 32)
    longest = min(retry.longest_seconds, doubled)
    digest = sha256(f"{notification_id}/{attempt}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return retry.first_seconds + (longest - retry.first_seconds) * share


def to_renew(since: Mapping[str, int], now: int, lease_seconds: float) -> list[str]:
    """Of what this server is sending, that of which half the lease is over; `since` is by its own clock."""
    return [each for each, began in since.items() if now - began > lease_seconds * _SECOND / 2]


def _lines(
    open_: Notifications, now: int, channel: str, share: int, sending: Collection[str], gone: Gone
) -> list[list[Notification]]:
    lines: dict[str, list[Notification]] = {}
    due = (each for line in open_.due(now, share + len(sending), channel) for each in line)
    mine = (each for each in open_.claimed() if each.intent.channel == channel)
    left = (each for each in mine if each.due_at > now and gone(each.server))
    for each in (*due, *left):
        if not each.suppressed and not too_old(each, now) and each.id not in sending:
            lines.setdefault(each.intent.recipient, []).append(each)
    return sorted(lines.values(), key=lambda line: (line[0].due_at, line[0].id))


def _turns(lines: Sequence[Sequence[Notification]]) -> Iterable[Notification]:
    """One of each line, then another of each."""
    for place in range(max(map(len, lines), default=0)):
        yield from (line[place] for line in lines if place < len(line))
