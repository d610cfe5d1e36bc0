"""One notification: its state as claims and settlements make it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.evaluate.intent import Intent
from schemas.events import Claim, Outcome

_SECOND = 1_000
_NEVER = 2**63


class State(StrEnum):
    """Where a notification is; the last four are the end of it."""

    PENDING = "pending"
    CLAIMED = "claimed"
    RETRY = "retry"
    SENT = "sent"
    REJECTED = "rejected"
    DEAD = "dead"
    SUPPRESSED = "suppressed"


ENDS = frozenset({State.SENT, State.REJECTED, State.DEAD, State.SUPPRESSED})

_AFTER = {
    "sent": State.SENT,
    "retry": State.RETRY,
    "ambiguous": State.RETRY,
    "rejected": State.REJECTED,
    "dead": State.DEAD,
    "suppressed": State.SUPPRESSED,
}


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification after some events; times are epoch milliseconds.

    `due_at` is when a server may claim it (next): a lease is over then. `suppressed` names what keeps
    it from being sent; one that was claimed afterwards is `withheld`: its claim is none. `waits_since`
    is when it last was its turn: what the transport holds up waits on, what was refused waits anew. `heard_at`
    is when the recipient's side first had an attempt, whatever came of it; until then one that
    `is_patient` is not given up.
    """

    intent: Intent
    due_at: int
    state: State = State.PENDING
    attempt: int = 0
    server: str = ""
    suppressed: str | None = None
    withheld: bool = False
    because: str | None = None
    waits_since: int = 0
    heard_at: int | None = None
    is_patient: bool = False

    @property
    def id(self) -> str:
        """The identity of the intent."""
        return self.intent.id

    @property
    def gives_up_at(self) -> int:
        """When it is too old to be worth sending."""
        if self.is_patient and self.heard_at is None:
            return _NEVER
        since = self.intent.subject.at if self.heard_at is None or not self.is_patient else self.heard_at
        return since + self.intent.definition.retry.max_age_seconds * _SECOND

    @property
    def may_be_sent(self) -> bool:
        """Whether who claimed it may send it."""
        return self.state is State.CLAIMED and not self.withheld


def intended(intent: Intent) -> Notification:
    """What has not been claimed yet."""
    return Notification(intent, due_at=intent.subject.at, suppressed=intent.suppressed, waits_since=intent.subject.at)


def suppressed(notification: Notification, why: str) -> Notification:
    """Suppressed by an event; who claimed it before that event may still send it."""
    return notification if notification.suppressed else replace(notification, suppressed=why)


def claimed(notification: Notification, claim: Claim, server: str, until: int) -> Notification:
    """Claimed by a server. The same attempt by the same server again makes the lease longer."""
    same = (notification.server, notification.attempt) == (server, claim.attempt)
    held = same and notification.state is State.CLAIMED
    return replace(
        notification,
        state=State.CLAIMED,
        attempt=claim.attempt,
        server=server,
        due_at=until,
        withheld=notification.withheld if held else notification.suppressed is not None,
    )


def settled(notification: Notification, outcome: Outcome, at: int) -> Notification:
    """After an outcome, recorded at `at`.

    An end is a fact whoever tells it and however late. That it is to be tried again counts only for
    the attempt that is under way: another server may have begun the next.
    """
    state = _AFTER[outcome.outcome]
    if state not in ENDS and (notification.state is not State.CLAIMED or outcome.attempt != notification.attempt):
        return notification
    due_at = outcome.retry_at if outcome.retry_at is not None else at
    waits_since = due_at if due_at > at else notification.waits_since
    return replace(
        notification,
        state=state,
        due_at=due_at,
        server="",
        withheld=False,
        because=outcome.because,
        waits_since=waits_since,
        heard_at=at if notification.heard_at is None and not outcome.unreached else notification.heard_at,
    )
