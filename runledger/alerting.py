"""Joining the parts of the alert service: rules and claims in the ledger, mail by SMTP, and other channels."""

import asyncio
import logging
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from alerts.bounces.returning import return_address, why_no_bounce_address
from alerts.channels.channel import Mail
from alerts.channels.email.identity import MailIds
from alerts.channels.email.message import compose
from alerts.channels.email.sending import EmailChannel
from alerts.channels.email.settings import MailSettingsError, Sender, read_mail_settings
from alerts.deliver.lane import Lane
from alerts.deliver.service import AlertService, Settings
from alerts.evaluate.intent import Intent
from alerts.facts import Facts
from alerts.saving import templates_for
from alerts.templates.rendered import Rendered, Templates
from alerts.templates.rendering import Renderer
from alerts.unsubscribe import Subscription, link
from ledger.commands import ReportTemplate
from ledger.errors import RefusedError
from ledger.notifications import NotificationStream
from runledger.channels import Way, can_send, open_channels, rate_of
from runledger.keys import signer_of
from runledger.locating import folder_of, is_url
from runledger.wiring import Embedded, caller, now, place_of
from schemas.addresses import EMAIL
from schemas.errors import LedgerError

_log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""How long others leave a claimed mail alone; who is still sending claims it anew before."""


class NoRelayError(RefusedError):
    """Mails cannot go out: no relay is named."""


class Channels:
    """The open channels of a service."""

    def __init__(self, ways: Mapping[str, Way]) -> None:
        """Each by its name."""
        self.ways = ways

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """What the service sends by."""
        return {name: way.lane for name, way in self.ways.items()}

    async def close(self) -> None:
        """Let go of every connection."""
        for way in self.ways.values():
            await way.lane.channel.close()


def mail_service(
    parts: Embedded, environment: Mapping[str, str] = os.environ, *, at: Callable[[str], None] = lambda _: None
) -> tuple[AlertService, Channels]:
    """The alert service of a workspace, and its channels; to be made in the loop that runs both.

    Raises:
        NoRelayError: no relay is named, and no other channel.
        MailSettingsError, ChannelSettingsError: the settings cannot be used.
    """
    ways = {**_mail(parts, environment), **open_channels(parts.folder)}
    if not ways:
        raise NoRelayError(_NO_RELAY)
    channels = Channels(ways)
    stream = NotificationStream(parts.log, parts.database, caller(), now=now)
    settings = Settings(
        server=_server_name(),
        place=place_of(parts.folder, parts.log_address),
        now=lambda: int(now().timestamp() * 1_000),
        gone=_is_gone,
        lease_seconds=LEASE_SECONDS,
        at=at,
    )
    return AlertService(parts.feed, stream, channels.lanes, _Composer(ways, _reporting(parts)), settings), channels


def _reporting(parts: Embedded) -> Callable[[Intent, str], None]:
    """What notes in the ledger that a template of a rule could not be used."""
    reported: set[tuple[str, int]] = set()

    def report(intent: Intent, because: str) -> None:
        version = intent.rule, intent.rule_version
        if version in reported:
            return
        command = ReportTemplate(
            rule_id=intent.rule, version=intent.rule_version, because=because, run_id=intent.run_id or None
        )
        try:
            parts.ledger.handle(command, caller())
        except LedgerError as error:
            _log.warning("rule %s: its template fails, which cannot be noted: %s", intent.rule, error)
        else:
            reported.add(version)

    return report


def _mail(parts: Embedded, environment: Mapping[str, str]) -> dict[str, Way]:
    """The way of mails, if a relay is named."""
    found = read_mail_settings(environment)
    if found is None:
        return {}
    smtp, sender = found
    rate = rate_of("RUNLEDGER_SMTP_RATE", environment.get("RUNLEDGER_SMTP_RATE"))
    way_out = _way_out(parts, environment)
    return_to = _envelope_sender(parts, sender, environment)

    def composing(rendered: Rendered, facts: Facts, intent: Intent) -> Mail:
        ids = MailIds.of(intent.id, f"{parts.log.id}/{intent.thread}", sender.domain)
        mail = compose(rendered, facts, intent.recipient, sender, ids, unsubscribe=way_out(intent))
        return replace(mail, sender=return_to(intent.id))

    return {EMAIL: Way(Lane(EmailChannel(smtp), rate), composing)}


def _way_out(parts: Embedded, environment: Mapping[str, str]) -> Callable[[Intent], str | None]:
    """The link that takes a recipient off a rule; none without an address that others reach."""
    public_url = environment.get("RUNLEDGER_PUBLIC_URL")
    if not public_url:
        return lambda _: None
    signer = signer_of(parts.folder, parts.log.id, environment)
    return lambda intent: link(signer, public_url, Subscription(intent.recipient, intent.rule))


def _envelope_sender(parts: Embedded, sender: Sender, environment: Mapping[str, str]) -> Callable[[str], str]:
    """To which address the mail of a notification comes back, if it does."""
    address = environment.get("RUNLEDGER_BOUNCE_ADDRESS")
    if not address:
        return lambda _: sender.address
    why = why_no_bounce_address(address)
    if why is not None:
        raise MailSettingsError(f"RUNLEDGER_BOUNCE_ADDRESS is {address!r}: {why}; write it as bounces@example.org")
    signer = signer_of(parts.folder, parts.log.id, environment)
    return lambda notification: return_address(signer, address, notification)


def send_due(parts: Embedded, seconds: float, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Send what is due for at most so long, and tell what came of it."""
    return asyncio.run(_send_due(parts, seconds, environment))


def how_mail_goes_out(location: str, environment: Mapping[str, str] = os.environ) -> str:
    """A sentence on who will send the mails of a workspace."""
    if is_url(location):
        return "The server sends the mails, if RUNLEDGER_SMTP_URL and RUNLEDGER_MAIL_FROM are set for it."
    if not can_send(folder_of(location), environment):
        return f"No mail can go out yet: {_NO_RELAY}"
    return (
        "Mails go out while `runledger server` serves this workspace; without it, `runledger alert run --once` "
        "sends what is due."
    )


async def _send_due(parts: Embedded, seconds: float, environment: Mapping[str, str]) -> dict[str, Any]:
    service, channels = mail_service(parts, environment)
    try:
        done = await service.run_once(seconds)
    finally:
        await channels.close()
    waiting = [
        {
            "notification": each.id,
            "recipient": each.intent.recipient,
            "because": each.because if each.intent.channel in channels.ways else _no_way(each.intent.channel),
        }
        for each in service.notifications
    ]
    return {"done": done and not waiting, "position": service.notifications.position, "waiting": waiting}


class _Composer:
    """Makes messages; what is rendered for one recipient is the same for the next."""

    def __init__(self, ways: Mapping[str, Way], report: Callable[[Intent, str], None]) -> None:
        self._ways = ways
        self._report = report
        self._renderer = Renderer()
        self._last: tuple[tuple[object, ...], Rendered] | None = None

    def __call__(self, intent: Intent, facts: Facts) -> Mail:
        last = self._last
        if last is None or last[0] != intent.message:
            templates = templates_for(intent)
            last = intent.message, self._renderer.render_or_fall_back(templates, facts)
            if last[1].failure is not None and templates != Templates():
                self._report(intent, last[1].failure)
            self._last = last
        return self._ways[intent.channel].compose(last[1], facts, intent)


def _no_way(channel: str) -> str:
    return _NO_RELAY if channel == EMAIL else f"there is no [channels.{channel}] in config.toml"


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
