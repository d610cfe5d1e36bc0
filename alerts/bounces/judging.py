"""From a message that came back to what is to be done about it, and why."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from uuid import UUID, uuid5

from alerts.bounces.report import Report, Verdict, read_report
from alerts.bounces.returning import Returned, returned_in
from alerts.signing import Signer
from ledger.commands import SuppressRecipient
from ledger.queries import BounceDocument
from schemas.addresses import why_no_address

RecipientOf = Callable[[str], str | None]
"""The recipient of a notification that was claimed; None for one that never was."""


class BounceJudge:
    """Believes what came back to an address that we signed, and nothing else."""

    def __init__(self, signer: Callable[[], Signer], recipient_of: RecipientOf) -> None:
        """Ask `signer` for the keys when there is something to check."""
        self._signer = signer
        self._recipient_of = recipient_of

    def judge(self, content: bytes, sent_to: str | None = None) -> tuple[BounceDocument, SuppressRecipient | None]:
        """What a message says, and the command that follows from it, if any; it never raises for its content.

        `sent_to` is the address that the message was delivered to, where that is known. The command is
        the same whenever the same message is read.
        """
        report = read_report(content)
        texts = [*([sent_to] if sent_to else []), *report.texts]
        signer = self._signer()
        returned = _returned(signer, texts)
        why = _why_nothing(report, returned)
        recipient = None if why or returned is None else self._recipient_of(returned.notification)
        if why is None and (recipient is None or why_no_address(recipient) is not None):
            why = "no mail went out for the notification that it names"
        document: BounceDocument = {
            "verdict": str(report.verdict),
            "recipient": recipient,
            "notification": returned.notification if returned is not None and returned.genuine else None,
            "status": report.status,
            "diagnostic": report.diagnostic,
            "why": why,
        }
        if why is not None or recipient is None or returned is None:
            return document, None
        return document, SuppressRecipient(
            command=str(uuid5(UUID(signer.log_id), f"bounce:{sha256(content).hexdigest()}")),
            recipient=recipient,
            notification=returned.notification,
            status=report.status,
            diagnostic=report.diagnostic,
        )


def _returned(signer: Signer, texts: Sequence[str]) -> Returned | None:
    found = [each for text in texts if (each := returned_in(signer, text)) is not None]
    return next((each for each in found if each.genuine), found[0] if found else None)


def _why_nothing(report: Report, returned: Returned | None) -> str | None:
    """Why nothing follows from a message; None if something does."""
    match report.verdict:
        case Verdict.AUTOMATIC:
            return "it is an automatic reply, which says nothing about the address"
        case Verdict.OTHER:
            return "it is no delivery report (RFC 3464)"
        case Verdict.TEMPORARY:
            return "the mail was not given up for good (5.x.x)"
        case Verdict.PERMANENT if returned is None:
            return "it did not come to a return address of ours, so nobody can tell who sent it"
        case Verdict.PERMANENT if not returned.genuine:
            return "the signature in its return address is not ours: it is forged, or another key signed it"
        case Verdict.PERMANENT:
            return None
