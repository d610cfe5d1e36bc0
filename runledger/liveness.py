"""Joining the parts that notice silent runs: what this server hears, writes down, and judges."""

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from ledger.liveness.attention import moment
from ledger.liveness.heard import Heard
from ledger.liveness.hearing import Hearing
from ledger.liveness.judging import BadDeadlineError, Deadlines
from ledger.liveness.reading import PresenceReading
from ledger.liveness.reporting import Reporting
from ledger.liveness.service import Judging
from ledger.liveness.standings import Standings
from runledger.settings import Value, resolve
from runledger.wiring import Embedded, caller, now

_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_NEVER = "never"


@dataclass(frozen=True, slots=True)
class Liveness:
    """The parts, which share what this server has heard."""

    deadlines: Deadlines
    heard: Heard
    hearing: Hearing
    reporting: Reporting
    judging: Judging


def liveness_of(parts: Embedded, environment: Mapping[str, str] = os.environ) -> Liveness:
    """The parts for a server of a workspace.

    Raises:
        BadDeadlineError: the settings cannot be used.
    """
    deadlines = read_deadlines(resolve(environment, parts.folder.settings()))
    who = caller()
    heard = Heard(now=lambda: int(now().timestamp() * 1_000))
    standings = Standings(parts.database)
    reporting = Reporting(heard, parts.values_log, parts.database, who, _server_name(), now=now)
    judging = Judging(
        (parts.log, parts.values_log),
        PresenceReading(parts.database),
        standings,
        deadlines,
        now=moment,
        hears=heard.hears,
        execute=lambda command: parts.ledger.handle(command, who),
    )
    return Liveness(deadlines, heard, Hearing(heard, standings), reporting, judging)


def read_deadlines(settings: Mapping[str, Value]) -> Deadlines:
    """The deadlines that settings name; raises BadDeadlineError."""
    presumed = settings["presumed dead seconds"]
    return Deadlines(
        not_responding=_seconds(settings["not responding seconds"]),
        presumed=None if (presumed.value or _NEVER).lower() == _NEVER else _seconds(presumed),
        interval=_seconds(settings["presence seconds"]),
    )


def _seconds(setting: Value) -> float:
    try:
        found = float(setting.value or "")
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        name = setting.setting
        raise BadDeadlineError(f"{name.variable} (or {name.key} in config.toml) is {setting.value!r}: give seconds")
    return found


def _server_name() -> str:
    """A name that no other process has, in the letters of a stream's name."""
    host = _NO_NAME.sub("-", platform.node())[:60] or "localhost"
    return f"{host}.{os.getpid()}.{uuid4().hex[:12]}"
