"""Commands about a recipient of alerts."""

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import (
    LimitRecipient,
    RecipientCommand,
    Resubscribe,
    SuppressRecipient,
    Unsubscribe,
    UnsuppressRecipient,
)
from ledger.domain.recipient import Recipient, checked_address, checked_recipient
from schemas.streams import recipient_stream


def decision(command: RecipientCommand, given: Given) -> Decision[Recipient]:
    """What it means to the recipient of that address."""
    check = checked_recipient if isinstance(command, LimitRecipient) else checked_address
    stream = recipient_stream(given.log_id, check(command.recipient))
    return Decision(stream, Recipient, lambda it: _decide(command, it))


def _decide(command: RecipientCommand, it: Recipient) -> None:
    match command:
        case Unsubscribe():
            it.unsubscribe(command.recipient, command.rule)
        case Resubscribe():
            it.resubscribe(command.recipient, command.rule)
        case SuppressRecipient():
            it.suppress(
                command.recipient,
                notification=command.notification,
                status=command.status,
                diagnostic=command.diagnostic,
            )
        case UnsuppressRecipient():
            it.unsuppress(command.recipient)
        case LimitRecipient():
            it.limit(command.recipient, command.mails, command.seconds)
        case _:
            raise NotImplementedError(type(command).__name__)
