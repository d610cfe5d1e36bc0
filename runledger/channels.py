"""The channels of a workspace: mail by its settings in the environment, others by tables of config.toml."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.channels.channel import Channel, ChannelSettingsError, Mail
from alerts.channels.webhook.settings import WebhookSettings
from alerts.deliver.lane import Lane
from alerts.deliver.rate import Rate
from alerts.evaluate.intent import Intent
from alerts.facts import Facts
from alerts.templates.rendered import Rendered
from ledger.errors import BadRuleError
from ledger.workspace.folder import WorkspaceFolder
from schemas.addresses import channel_in
from schemas.rules import RuleDefinition

TABLE = "channels"

_OPTIONS = {
    "webhook": frozenset({"kind", "url", "secret_file", "connections", "seconds", "rate"}),
    "apprise": frozenset({"kind", "url_file", "connections", "rate"}),
}


Composing = Callable[[Rendered, Facts, Intent], Mail]
"""Makes the message of an intent, the same bytes for the same arguments."""


@dataclass(frozen=True, slots=True)
class Way:
    """How messages of one channel are made, and where they go."""

    lane: Lane
    compose: Composing


def named_channels(folder: WorkspaceFolder) -> Mapping[str, Mapping[str, Any]]:
    """The tables `[channels.NAME]` of config.toml.

    Raises:
        ChannelSettingsError: a name or a table cannot be one.
    """
    tables = folder.settings().get(TABLE, {})
    if not isinstance(tables, dict):
        raise ChannelSettingsError(f"{folder.config}: write [{TABLE}.NAME], a table for each channel")
    for name, table in tables.items():
        if channel_in(f"channel:{name}") is None:
            raise ChannelSettingsError(f"{folder.config}: {name!r} cannot be the name of a channel; use a-z, 0-9 and -")
        if not isinstance(table, dict) or table.get("kind") not in _OPTIONS:
            raise ChannelSettingsError(f"channel {name}: its kind may be {' or '.join(_OPTIONS)}")
        unknown = sorted(set(table) - _OPTIONS[table["kind"]])
        if unknown:
            known = ", ".join(sorted(_OPTIONS[table["kind"]]))
            raise ChannelSettingsError(f"channel {name}: there is no option {unknown[0]!r}; there are {known}")
    return tables


def check_channels(definition: RuleDefinition, folder: WorkspaceFolder) -> None:
    """Raise BadRuleError if a rule names a channel that this workspace does not have."""
    named = {channel_in(recipient) for recipient in definition.recipients} - {None}
    if not named:
        return
    known = named_channels(folder)
    for name in sorted(filter(None, named - set(known))):
        there = f"there is: {', '.join(known)}" if known else "there is none yet"
        raise BadRuleError(f"there is no channel {name!r} in {folder.config}: add a table [{TABLE}.{name}]; {there}")


def open_channels(folder: WorkspaceFolder) -> dict[str, Way]:
    """Every named channel, ready to send; raises ChannelSettingsError."""
    return {name: _MAKERS[table["kind"]](folder, name, table) for name, table in named_channels(folder).items()}


def rate_of(name: str, text: object) -> Rate | None:
    """A rate that is written down, if any; raises ChannelSettingsError."""
    if text is None or text == "":
        return None
    try:
        return Rate.parse(str(text))
    except ValueError as error:
        raise ChannelSettingsError(f"{name}: {error}") from error


def can_send(folder: WorkspaceFolder, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there is any way to tell anybody anything."""
    return bool(environment.get("RUNLEDGER_SMTP_URL")) or bool(folder.settings().get(TABLE))


def _webhook(folder: WorkspaceFolder, name: str, table: Mapping[str, Any]) -> Way:
    from alerts.channels.webhook.event import compose  # noqa: PLC0415 - only where there is one
    from alerts.channels.webhook.sending import WebhookChannel  # noqa: PLC0415

    settings = WebhookSettings.parse(
        name,
        table.get("url"),
        _file(folder, table, "secret_file"),
        connections=_number(name, table, "connections", 4, most=50),
        seconds=_number(name, table, "seconds", 15, most=120),
    )

    def composing(rendered: Rendered, facts: Facts, intent: Intent) -> Mail:
        return compose(rendered, facts, intent.id, intent.recipient)

    return _way(name, table, WebhookChannel(settings), composing)


def _apprise(folder: WorkspaceFolder, name: str, table: Mapping[str, Any]) -> Way:
    from alerts.channels.apprise.sending import AppriseChannel, compose  # noqa: PLC0415 - only where there is one

    channel = AppriseChannel(name, _file(folder, table, "url_file"), _number(name, table, "connections", 1, most=20))

    def composing(rendered: Rendered, _: Facts, intent: Intent) -> Mail:
        return compose(rendered, intent.id, intent.recipient)

    return _way(name, table, channel, composing)


def _way(name: str, table: Mapping[str, Any], channel: Channel, composing: Composing) -> Way:
    return Way(Lane(channel, rate_of(f"channel {name}", table.get("rate"))), composing)


def _file(folder: WorkspaceFolder, table: Mapping[str, Any], option: str) -> Path | None:
    """A file that an option names, from the folder of config.toml on."""
    return folder.path / Path(str(table[option])).expanduser() if table.get(option) else None


def _number(name: str, table: Mapping[str, Any], option: str, default: int, *, most: int) -> int:
    found = table.get(option, default)
    if not isinstance(found, int) or not 1 <= found <= most:
        raise ChannelSettingsError(f"channel {name}: {option} may be from 1 to {most}, and it is {found!r}")
    return found


_MAKERS: Mapping[str, Callable[[WorkspaceFolder, str, Mapping[str, Any]], Way]] = {
    "webhook": _webhook,
    "apprise": _apprise,
}
