"""Mails for tests, and channels to a sink."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from alerts.channels.channel import Mail
from alerts.channels.email.identity import MailIds
from alerts.channels.email.message import compose
from alerts.channels.email.sending import EmailChannel
from alerts.channels.email.settings import Sender, SmtpSettings, Timeouts
from alerts.facts import Facts
from alerts.templates.rendered import Rendered, Templates
from alerts.templates.rendering import Renderer
from tests.alerts.facts import FAILURE
from tests.alerts.sinks import Sink

# Without a time limit: a test does not fail because the machine is slow.
_RENDERER = Renderer(lambda: 0.0)
SENDER = Sender("ledger@runs.example.org", "Run ledger")


def a_mail(
    recipient: str = "ann@example.org",
    *,
    notification: str = "n-1",
    facts: Facts = FAILURE,
    rendered: Rendered | None = None,
    sender: Sender = SENDER,
    unsubscribe: str | None = "https://runs.example.org/unsubscribe/token",
) -> Mail:
    """The default mail about a failure."""
    ids = MailIds.of(notification, f"{facts.workspace}/{facts.run_id}", sender.domain)
    content = rendered or _RENDERER.render(Templates(), facts)
    return compose(content, facts, recipient, sender, ids, unsubscribe=unsubscribe)


def settings_for(sink: Sink, **changes: object) -> SmtpSettings:
    """Unencrypted to the sink, patient enough for a busy machine."""
    plain = SmtpSettings(host=sink.host, port=sink.port, encryption="none", helo="client.example.org", connections=2)
    return replace(plain, **changes)  # type: ignore[arg-type]


def impatient(**seconds: float) -> Timeouts:
    """Timeouts for tests that want one to be reached."""
    return replace(Timeouts(connect=30, command=30, final=30), **seconds)


@asynccontextmanager
async def channel_to(sink: Sink, tls: ssl.SSLContext | None = None, **changes: object) -> AsyncIterator[EmailChannel]:
    """A channel that is closed at the end."""
    channel = EmailChannel(settings_for(sink, **changes), tls)
    try:
        yield channel
    finally:
        await channel.close()
