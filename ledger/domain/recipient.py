"""The Recipient aggregate: what an address wants no more, how often it is told, and whether mail still reaches it."""

from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.names import check_length, check_uuid
from ledger.errors import InvalidNameError, RefusedError
from schemas.addresses import EVERYBODY, SUBMITTER, why_no_address, why_no_recipient
from schemas.events import (
    Event,
    RecipientLimitedEvent,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
)

_TEXT_LENGTH = 1_000
_MOST_MAILS = 1_000
_LONGEST = 7 * 24 * 3_600


class Recipient(LedgerAggregate):
    """One address, found in any case of letters. Whatever it is asked twice is nothing to do."""

    kind = "recipient"

    unsubscribed: set[str | None]
    suppressed: bool
    limited: tuple[int, int] | None

    def begin_state(self) -> None:
        """Wants everything, and is reached."""
        self.unsubscribed, self.suppressed, self.limited = set(), False, None

    def unsubscribe(self, address: str, rule: str | None) -> None:
        """Of one rule, or of all; who is off all is off each."""
        if rule is not None:
            check_uuid("rule", rule)
        if not self.unsubscribed & {None, rule}:
            self.decide(RecipientUnsubscribedEvent, recipient=address, rule=rule)

    def resubscribe(self, address: str, rule: str | None) -> None:
        """To one rule, or to all that was left.

        Raises:
            RefusedError: to one rule, while the address is off all of them.
        """
        if rule is not None and None in self.unsubscribed:
            raise RefusedError(f"{address} unsubscribed from all rules; leave out the rule to subscribe to all again")
        if self.unsubscribed if rule is None else rule in self.unsubscribed:
            self.decide(RecipientResubscribedEvent, recipient=address, rule=rule)

    def suppress(self, address: str, *, notification: str | None, status: str | None, diagnostic: str | None) -> None:
        """A mail to the address came back for good."""
        for what, text in (("notification", notification), ("status", status), ("diagnostic", diagnostic)):
            check_length(what, text, _TEXT_LENGTH)
        if not self.suppressed:
            self.decide(
                RecipientSuppressedEvent,
                recipient=address,
                notification=notification,
                status=status,
                diagnostic=diagnostic,
            )

    def unsuppress(self, address: str) -> None:
        """The address works again."""
        if self.suppressed:
            self.decide(RecipientUnsuppressedEvent, recipient=address)

    def limit(self, recipient: str, mails: int | None, seconds: int) -> None:
        """At most so many mails in so many seconds, whatever rules they are of; None for any number.

        Raises:
            RefusedError: that is no number of mails, or no time.
        """
        if mails is not None and not (1 <= mails <= _MOST_MAILS and 1 <= seconds <= _LONGEST):
            raise RefusedError(
                f"a limit is 1 to {_MOST_MAILS} mails in 1 second to 7 days; this is {mails} in {seconds} s"
            )
        wanted = None if mails is None else (mails, seconds)
        if wanted != self.limited:
            self.decide(
                RecipientLimitedEvent,
                recipient=recipient,
                mails=mails,
                seconds=None if mails is None else seconds,
            )

    def apply(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case RecipientUnsubscribedEvent():
                self.unsubscribed.add(event.rule)
            case RecipientResubscribedEvent() if event.rule is None:
                self.unsubscribed.clear()
            case RecipientResubscribedEvent():
                self.unsubscribed.discard(event.rule)
            case RecipientSuppressedEvent():
                self.suppressed = True
            case RecipientUnsuppressedEvent():
                self.suppressed = False
            case RecipientLimitedEvent(mails=int() as mails, seconds=int() as seconds):
                self.limited = mails, seconds
            case RecipientLimitedEvent():
                self.limited = None
            case _:
                pass


def checked_address(text: str) -> str:
    """The address; raises InvalidNameError for what is none."""
    why = why_no_address(text)
    if why is not None:
        raise InvalidNameError(f"{text!r} is no address that mail can be sent to: {why}")
    return text


def checked_recipient(text: str) -> str:
    """An address, `channel:NAME`, or `*` for everybody; raises InvalidNameError for what is none of them."""
    why = why_no_recipient(text) if text != SUBMITTER else "it is somebody else for each run; name an address, or *"
    if why is not None and text != EVERYBODY:
        raise InvalidNameError(f"{text!r} is nobody who can be told: {why}")
    return text
