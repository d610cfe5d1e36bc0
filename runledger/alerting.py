"""Joining the parts of the alert service: rules and claims in the ledger, mail by SMTP."""

import asyncio
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from alerts.channels.channel import Channel, Mail
from alerts.channels.email.identity import MailIds
from alerts.channels.email.message import compose
from alerts.channels.email.sending import EmailChannel
from alerts.channels.email.settings import Sender, read_mail_settings
from alerts.deliver.service import AlertService, Settings
from alerts.evaluate.intent import Intent
from alerts.facts import Facts
from alerts.saving import templates_of
from alerts.templates.rendered import Rendered
from alerts.templates.rendering import Renderer
from ledger.errors import RefusedError
from ledger.notifications import NotificationStream
from runledger.locating import is_url
from runledger.wiring import Embedded, caller, now, place_of

LEASE_SECONDS = 15.0
"""How long others leave a claimed mail alone; who is still sending claims it anew before."""


class NoRelayError(RefusedError):
    """Mails cannot go out: no relay is named."""


def mail_service(
    parts: Embedded, environment: Mapping[str, str] = os.environ, *, at: Callable[[str], None] = lambda _: None
) -> tuple[AlertService, Channel]:
    """The alert service of a workspace, and its channel; to be made in the loop that runs both.

    Raises:
        NoRelayError: no relay is named.
        MailSettingsError: the settings cannot be used.
    """
    found = read_mail_settings(environment)
    if found is None:
        raise NoRelayError(_NO_RELAY)
    smtp, sender = found
    channel = EmailChannel(smtp)
    stream = NotificationStream(parts.log, parts.database, caller(), now=now)
    settings = Settings(
        server=_server_name(),
        place=place_of(parts.folder, parts.log_address),
        now=lambda: int(now().timestamp() * 1_000),
        gone=_is_gone,
        lease_seconds=LEASE_SECONDS,
        at=at,
    )
    return AlertService(parts.feed, stream, channel, _Composer(sender, parts.log.id), settings), channel


def send_due(parts: Embedded, seconds: float, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Send what is due for at most so long, and tell what came of it."""
    return asyncio.run(_send_due(parts, seconds, environment))


def how_mail_goes_out(location: str, environment: Mapping[str, str] = os.environ) -> str:
    """A sentence on who will send the mails of a workspace."""
    if is_url(location):
        return "The server sends the mails, if RUNLEDGER_SMTP_URL and RUNLEDGER_MAIL_FROM are set for it."
    relay = environment.get("RUNLEDGER_SMTP_URL")
    if not relay:
        return f"No mail can go out yet: {_NO_RELAY}"
    return (
        "Mails go out while `runledger server` serves this workspace; without it, `runledger alert run --once` "
        "sends what is due."
    )


async def _send_due(parts: Embedded, seconds: float, environment: Mapping[str, str]) -> dict[str, Any]:
    service, channel = mail_service(parts, environment)
    try:
        done = await service.run_once(seconds)
    finally:
        await channel.close()
    waiting = [
        {"notification": each.id, "recipient": each.intent.recipient, "because": each.because}
        for each in service.notifications
    ]
    return {"done": done and not waiting, "position": service.notifications.position, "waiting": waiting}


class _Composer:
    """Makes mails; what is rendered for one recipient is the same for the next."""

    def __init__(self, sender: Sender, log_id: str) -> None:
        self._sender = sender
        self._log_id = log_id
        self._renderer = Renderer()
        self._last: tuple[tuple[object, ...], Rendered] | None = None

    def __call__(self, intent: Intent, facts: Facts) -> Mail:
        last = self._last
        if last is None or last[0] != intent.message:
            last = intent.message, self._renderer.render_or_fall_back(templates_of(intent.definition), facts)
            self._last = last
        ids = MailIds.of(intent.id, f"{self._log_id}/{intent.thread}", self._sender.domain)
        return compose(last[1], facts, intent.recipient, self._sender, ids)


def _server_name() -> str:
    """A name that no other process has: others on this host can tell by it whether it is gone."""
    return f"{platform.node() or 'localhost'}/{os.getpid()}/{uuid4().hex[:12]}"


def _is_gone(server: str) -> bool:
    """Whether a server is known to have ended: it was on this host, and its process is not there."""
    host, _, rest = server.rpartition("/")[0].rpartition("/")
    if host != (platform.node() or "localhost") or not rest.isdecimal():
        return False
    with suppress(PermissionError):
        try:
            os.kill(int(rest), 0)
        except ProcessLookupError:
            return True
    return False


_NO_RELAY = (
    "RUNLEDGER_SMTP_URL is not set. Name the relay, such as smtp://user@mail.example.org:587, and the sender in "
    "RUNLEDGER_MAIL_FROM."
)
