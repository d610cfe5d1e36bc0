"""Notifications after hand-made events."""

from collections.abc import Sequence
from typing import Any

from alerts.deliver.notification import Notification
from alerts.deliver.notifications import Notifications
from alerts.evaluate.evaluator import Evaluator
from ledger.feed import FeedEvent
from schemas.events import Claim, NotificationsClaimedEvent, NotificationsSettledEvent, Outcome
from tests.alerts.story import Story

STREAM = "notifications:log"


def folded(story: Story) -> Notifications:
    """The open notifications after a story."""
    evaluator, notifications = Evaluator(story), Notifications(STREAM)
    for happened in story.events:
        notifications.fold(happened, evaluator.fold(happened))
    return notifications


def claim(story: Story, *wanted: Notification, server: str = "s1", lease: float = 60.0, again: int = 1) -> FeedEvent:
    """A server claims the next attempt of each."""
    claims = [claim_of(each, each.attempt + again) for each in wanted]
    event = NotificationsClaimedEvent(server=server, lease_seconds=lease, notifications=claims)
    return story.add(STREAM, event)


def claim_of(notification: Notification, attempt: int) -> Claim:
    intent = notification.intent
    return Claim(
        notification=intent.id,
        rule=intent.rule,
        rule_version=intent.rule_version,
        trigger=intent.trigger,
        kind=intent.kind,
        sequence=intent.sequence,
        recipient=intent.recipient,
        attempt=attempt,
    )


def settle(story: Story, notification: Notification, outcome: str, **fields: Any) -> FeedEvent:
    """A server tells what became of an attempt, by default of the one under way."""
    named = {"notification": notification.id, "attempt": notification.attempt, "outcome": outcome}
    return settle_all(story, [Outcome.model_validate(named | fields)])


def settle_all(story: Story, outcomes: Sequence[Outcome]) -> FeedEvent:
    return story.add(STREAM, NotificationsSettledEvent(outcomes=list(outcomes)))


def only(notifications: Notifications) -> Notification:
    [notification] = notifications
    return notification
