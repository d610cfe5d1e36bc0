"""Sends mails over a few kept connections, one mail a recipient, and says what became of each."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace

from aiosmtplib import SMTPException

from alerts.channels.channel import Broken, Mail, Outcome, Rejected, Retry
from alerts.channels.email.connection import Connection
from alerts.channels.email.pool import CannotConnectError, Pool
from alerts.channels.email.replies import GO_AHEAD, Phase, outcome_of, outcome_of_loss, refusal
from alerts.channels.email.settings import SmtpSettings
from schemas.addresses import why_no_address


class EmailChannel:
    """The channel for mail."""

    def __init__(self, settings: SmtpSettings, tls: ssl.SSLContext | None = None) -> None:
        """Over this relay; `tls` takes the place of the system's list of authorities."""
        self._pool = Pool(settings, tls if tls is not None else settings.tls_context())
        self._connections = settings.connections
        self._slots = asyncio.Semaphore(settings.connections)

    @property
    def connections(self) -> int:
        """How many mails may be under way at once."""
        return self._connections

    async def send(self, mail: Mail) -> Outcome:
        """Try once; what goes wrong is an outcome and never an exception.

        If it is cancelled, its connection is closed and the mail may have been taken or not.
        """
        why = why_no_address(mail.recipient)
        if why is not None:
            return Rejected(mail.recipient, None, f"no mail can be sent to this address: {why}")
        async with self._slots:
            try:
                return await self._over_kept(mail) or await self._over_fresh(mail)
            except CannotConnectError as error:
                return Broken(error.why, error.code, error.wait)

    async def close(self) -> None:
        """Let go of every connection that is not in use; the others close when their mail is done."""
        await self._pool.close()

    async def _over_kept(self, mail: Mail) -> Outcome | None:
        """None if there is no connection, or if it died and the mail was certainly not taken.

        A relay may close a connection that was used before at any time, which says nothing of the mail.
        """
        step, connection = self._pool.step, await self._pool.kept()
        if connection is None:
            return None
        outcome = await transact(connection, mail)
        if isinstance(outcome, Retry | Broken) and not connection.is_open:
            return None
        return self._done(connection, step, outcome)

    async def _over_fresh(self, mail: Mail) -> Outcome:
        step, connection = self._pool.step, await self._pool.fresh()
        return self._done(connection, step, await transact(connection, mail))

    def _done(self, connection: Connection, step: int, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Broken):
            connection.close()
            return replace(outcome, wait_seconds=self._pool.broke(step, outcome.why, outcome.code))
        self._pool.worked()
        self._pool.keep(connection)
        return outcome


async def transact(connection: Connection, mail: Mail) -> Outcome:
    """One mail over an open connection, phase by phase."""
    needs_utf8 = not mail.recipient.isascii()
    if needs_utf8 and not connection.offers("smtputf8"):
        return Rejected(mail.recipient, None, "the relay takes ASCII addresses alone (it does not offer SMTPUTF8)")
    refused = await _announce(connection, mail, _envelope(mail, size=connection.offers("size"), utf8=needs_utf8))
    if refused is not None:
        return refused
    try:
        answer = await connection.body(mail.content)
        return outcome_of(answer.code, answer.message, mail.recipient)
    except (SMTPException, OSError, ValueError) as error:
        return outcome_of_loss(Phase.BODY, error)


async def _announce(connection: Connection, mail: Mail, envelope: Sequence[tuple[Phase, bytes]]) -> Outcome | None:
    """The commands before the mail itself, at once if the relay takes them so: the outcome if it goes no further.

    The first refusal counts: what the relay says to the commands behind it follows from that, or is nonsense.
    """
    at_once = connection.takes_commands_at_once
    refused: Outcome | None = None
    phase = Phase.MAIL
    try:
        if at_once:
            connection.command(*(line for _, line in envelope))
        for phase, line in envelope:
            if not at_once:
                connection.command(line)
            answer = await connection.answer(connection.patience(phase))
            refused = refused or refusal(phase, answer.code, answer.message, mail.recipient)
            if refused is not None and (not at_once or not connection.is_open):
                return refused
        if refused is not None and answer.code == GO_AHEAD:
            # It asked for a mail for nobody, and waits for its end (RFC 2920 3.1).
            await connection.body(b"")
    except (SMTPException, OSError, ValueError) as error:
        return refused or outcome_of_loss(phase, error)
    return refused


def _envelope(mail: Mail, *, size: bool, utf8: bool) -> Sequence[tuple[Phase, bytes]]:
    """The commands before the mail itself, each with the phase that it is."""
    options = (b" SIZE=%d" % len(mail.content) if size else b"") + (b" SMTPUTF8 BODY=8BITMIME" if utf8 else b"")
    return (
        (Phase.MAIL, b"MAIL FROM:<%s>%s" % (mail.sender.encode(), options)),
        (Phase.RCPT, b"RCPT TO:<%s>" % mail.recipient.encode()),
        (Phase.DATA, b"DATA"),
    )
