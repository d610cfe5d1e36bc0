"""What is not told any more once the text of a run was erased."""

from alerts.deliver.notification import Notification
from ledger.feed import FeedEvent
from schemas.events import PersonalDataErasedEvent
from schemas.streams import run_stream


def why_untold(notification: Notification, happened: FeedEvent) -> str | None:
    """Why an erasure suppresses a notification; None if it does not.

    Folded again without its text, a run may be of other rules, and other groups open anew: what comes of
    that has another identity than what was sent before, and must not be sent again. So nothing is told of the
    run itself; nor what nobody tried to send yet of rules that group by a text of runs.
    """
    if not isinstance(happened.event, PersonalDataErasedEvent):
        return None
    if _is_about(notification, happened.envelope.stream):
        return f"the text of the run was erased at position {happened.position}"
    if not notification.attempt and _groups_by_text(notification):
        return f"text that the rule groups by was erased at position {happened.position}"
    return None


def _is_about(notification: Notification, stream: str) -> bool:
    """Whether it tells of that run and of no other."""
    intent = notification.intent
    if not intent.members:
        return run_stream(intent.run_id) == stream
    runs = {run_stream(each.subject.transition.run_id) for each in intent.members}
    return runs == {stream} and intent.count == len(intent.members)


def _groups_by_text(notification: Notification) -> bool:
    group = notification.intent.definition.group
    return group is not None and any(attribute == "name" or ":" in attribute for attribute in group.by)
