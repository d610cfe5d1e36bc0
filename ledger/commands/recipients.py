"""Commands about a recipient of alerts."""

from ledger.commands.base import Command, command_class


@command_class
class RecipientCommand(Command):
    """A command about one recipient of alerts, by the address in any case of letters, or by `channel:NAME`."""

    recipient: str


@command_class
class Unsubscribe(RecipientCommand):
    """Notify a recipient of one rule no more, or of none where `rule` is None."""

    rule: str | None = None


@command_class
class Resubscribe(RecipientCommand):
    """Undo `Unsubscribe` for one rule, or whatever was unsubscribed where `rule` is None."""

    rule: str | None = None


@command_class
class SuppressRecipient(RecipientCommand):
    """Send nothing to an address any more, since a mail to it came back for good."""

    notification: str | None = None
    status: str | None = None
    diagnostic: str | None = None


class UnsuppressRecipient(RecipientCommand):
    """Send to a suppressed address again."""


@command_class
class LimitRecipient(RecipientCommand):
    """Tell a recipient at most `mails` times in `seconds`, and of the rest in one digest; without `mails`, any time.

    The recipient `*` is everybody who has no limit of his own.
    """

    mails: int | None = None
    seconds: int = 3_600
