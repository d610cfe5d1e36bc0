"""What the settings say about who comes in, and how."""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta

from ledger.errors import WorkspaceError
from ledger.workspace.folder import WorkspaceFolder
from runledger.server.arrival import Proxies
from runledger.server.gate import GateSettings
from runledger.server.logins import SessionTimes
from runledger.settings import resolve

_LONGEST_HOURS = 24 * 366


def gate_settings(
    folder: WorkspaceFolder,
    proxies: Sequence[str],
    *,
    pages: bool,
    environment: Mapping[str, str] = os.environ,
) -> GateSettings:
    """Which proxies are believed, those that are named here or else in the settings, and which names are ours.

    Raises:
        WorkspaceError: one of them is no address.
    """
    settings = resolve(environment, folder.settings())
    named = list(proxies) or (settings["trusted proxies"].value or "").split(",")
    names = (settings["server names"].value or "").lower().replace(" ", "").split(",")
    return GateSettings(Proxies(named), frozenset(names) - {""}, settings["public url"].value, pages=pages)


def session_times(folder: WorkspaceFolder, environment: Mapping[str, str] = os.environ) -> SessionTimes:
    """How long sessions last; raises WorkspaceError for what is no number of hours."""
    settings = resolve(environment, folder.settings())
    return SessionTimes(*(_hours(settings[name].value) for name in ("session idle hours", "session hours")))


def _hours(text: str | None) -> timedelta:
    try:
        hours = float(text or "")
    except ValueError:
        hours = 0.0
    if not 0 < hours <= _LONGEST_HOURS:
        raise WorkspaceError(f"how long a session lasts must be a number of hours up to {_LONGEST_HOURS}, not {text!r}")
    return timedelta(hours=hours)
