"""What an attempt came to, as the log keeps it."""

from alerts.channels.channel import Ambiguous, Broken, Rejected, Retry, Sent
from alerts.channels.channel import Outcome as Came
from alerts.deliver.notification import Notification
from alerts.deliver.policy import retry_at
from schemas.events import Outcome
from schemas.limits import UNSTORABLE

_TEXT_LENGTH = 500
_LONGEST_ASKED = 3_600.0


def settlement(notification: Notification, came: Came, now: int) -> Outcome:
    """The outcome of an attempt that ended at `now`; it is dead if the next would come too late."""
    match came:
        case Sent(code, reply):
            return _outcome(notification, "sent", code=code, reply=_text(reply))
        case Rejected(_, code, reply):
            return _outcome(notification, "rejected", code=code, reply=_text(reply))
        case Retry(why, code, after_seconds):
            asked = now + int(min(after_seconds, _LONGEST_ASKED) * 1_000)
            return _again(notification, "retry", why, max(asked, retry_at(notification, now)), code)
        case Ambiguous(why):
            return _again(notification, "ambiguous", why, retry_at(notification, now), None)
        case Broken(why, code):
            # Not the message's fault: it waits for the transport, and not for its own turn to come.
            return _unreached(notification, f"nothing can be sent: {why}", now, code)


def given_up(notification: Notification) -> Outcome:
    """Too old to be sent: what waited for us alone is told in a digest, the other side's refusals are the end."""
    return digested(notification) if notification.heard_at is None else dead(notification)


def digested(notification: Notification) -> Outcome:
    """Not sent by itself any more, since nobody could send it in time; it is told in a digest."""
    hours = notification.intent.definition.retry.max_age_seconds / 3_600
    because = f"nobody could send it within {hours:g} hours: it is told in a digest"
    return _outcome(notification, "suppressed", because=because, digested=True)


def dead(notification: Notification) -> Outcome:
    """Given up without another attempt."""
    hours = notification.intent.definition.retry.max_age_seconds / 3_600
    last = f"; before that: {notification.because}" if notification.because else ""
    return _outcome(notification, "dead", because=_text(f"not sent within {hours:g} hours{last}"))


def suppressed(notification: Notification) -> Outcome:
    """Not to be sent, because of an event that was accepted before its claim."""
    return _outcome(notification, "suppressed", because=_text(notification.suppressed or ""))


def _unreached(notification: Notification, why: str, at: int, code: int | None) -> Outcome:
    if at >= notification.gives_up_at and notification.heard_at is None:
        return digested(notification)
    found = _again(notification, "retry", why, at, code)
    return found.model_copy(update={"unreached": True}) if found.outcome == "retry" else found


def _again(notification: Notification, outcome: str, why: str, at: int, code: int | None) -> Outcome:
    if at >= notification.gives_up_at:
        return _outcome(notification, "dead", code=code, because=_text(f"too old to be tried again: {why}"))
    return _outcome(notification, outcome, code=code, because=_text(why), retry_at=at)


def _outcome(notification: Notification, outcome: str, *, code: int | None = None, **fields: object) -> Outcome:
    named = {"notification": notification.id, "attempt": notification.attempt, "outcome": outcome}
    # SMTP libraries have negative codes for answers that were none.
    known = {"code": code if code is not None and code >= 0 else None}
    return Outcome.model_validate(named | known | fields)


def _text(text: str) -> str:
    return UNSTORABLE.sub("\ufffd", text)[:_TEXT_LENGTH]
