"""The relay for mails: reached, encrypted and logged in to, without a mail unless one is asked for."""

import asyncio
import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import uuid4

from aiosmtplib import SMTPException

from alerts.channels.channel import Mail, Rejected, Sent
from alerts.channels.email.connection import Connection
from alerts.channels.email.replies import reason
from alerts.channels.email.sending import EmailChannel
from alerts.channels.email.settings import Sender, SmtpSettings, Timeouts, read_mail_settings
from runledger.doctor.finding import Finding, fail, ok
from schemas.addresses import why_no_address

_SECONDS = Timeouts(connect=10.0, command=10.0, data=10.0, final=30.0)
_ENCRYPTED = {"tls": "TLS", "starttls": "STARTTLS", "none": "no encryption"}


def look_at_mail(environment: Mapping[str, str], to: str | None) -> Iterator[Finding]:
    """Whether the relay lets us in; and whether it takes a mail, if somebody is named to get it."""
    found = read_mail_settings(environment)
    if found is None:
        text = "no relay is named, so alerts by mail are not sent"
        if to is None:
            yield ok("mail", text)
        else:
            yield fail("mail", text, "name it in RUNLEDGER_SMTP_URL, and the sender in RUNLEDGER_MAIL_FROM")
        return
    settings, sender = replace(found[0], timeouts=_SECONDS), found[1]
    finding = asyncio.run(_let_in(settings))
    yield finding
    if to is not None and finding.level == "ok":
        yield asyncio.run(_sent(settings, sender, to))


async def _let_in(settings: SmtpSettings) -> Finding:
    connection = Connection(settings, settings.tls_context(), settings.helo or platform.node() or "localhost")
    where = f"{settings.host}:{settings.port}"
    try:
        await connection.open()
    except (SMTPException, OSError, ValueError) as error:
        return fail("mail", f"{where} does not let us in: {reason(error)}", _way_out(settings))
    await connection.quit()
    user = f"logged in as {settings.user}" if settings.user else "without a user"
    return ok("mail", f"{where} answers: {_ENCRYPTED[settings.encryption]}, {user}; nothing was sent")


def _way_out(settings: SmtpSettings) -> str:
    user = ", the user and RUNLEDGER_SMTP_PASSWORD_FILE" if settings.user else ""
    return f"see host, port and starttls in RUNLEDGER_SMTP_URL{user}"


async def _sent(settings: SmtpSettings, sender: Sender, to: str) -> Finding:
    why = why_no_address(to)
    if why is not None:
        return fail("test mail", f"no mail can be sent to {to!r}: {why}")
    channel = EmailChannel(settings)
    try:
        outcome = await channel.send(_mail(sender, to))
    finally:
        await channel.close()
    if isinstance(outcome, Sent):
        return ok("test mail", f"the relay took it for {to}: {outcome.reply}")
    why = outcome.reply if isinstance(outcome, Rejected) else outcome.why
    return fail("test mail", f"the relay did not take it for {to}: {why}", "ask who runs the relay")


def _mail(sender: Sender, to: str) -> Mail:
    identity = str(uuid4())
    lines = (
        f"From: {sender.address}",
        f"To: {to}",
        "Subject: Test of the run ledger's mail",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Message-ID: <{identity}@{sender.domain}>",
        "Auto-Submitted: auto-generated",
        "X-Test: true",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "`runledger doctor --mail` sent this. Mails of alert rules will come the same way.",
        "",
    )
    return Mail(identity, to, sender.address, "\r\n".join(lines).encode())
