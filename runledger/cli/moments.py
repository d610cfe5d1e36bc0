"""Times on the command line: how long, and since when."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import click

_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
        "w": timedelta(weeks=1),
        "y": timedelta(days=365),
    }
)
_DURATION = re.compile(rf"([1-9][0-9]{{0,3}})([{''.join(_UNITS)}])")
_LONGEST = timedelta(days=100 * 365)

MOMENT = "TIME"


def duration(text: str) -> timedelta:
    """The time that a text such as 30d means."""
    found = _DURATION.fullmatch(text)
    time = int(found[1]) * _UNITS[found[2]] if found else None
    if time is None or time > _LONGEST:
        raise click.BadParameter(f"{text!r} is no time such as 12h, 30d or 1y (m, h, d, w and y are known)")
    return time


def moment(text: str) -> str:
    """The moment that a text means, in ISO 8601 with its zone: so long ago, or a date with or without a time.

    Raises:
        BadParameter: it is neither.
    """
    if _DURATION.fullmatch(text):
        return (datetime.now().astimezone() - duration(text)).isoformat()
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{text!r} is no time: write 2026-11-25, 2026-11-25T08:30 (local time), or 7d for so long ago"
        ) from error
