"""Lengths of time as people write them: 30s, 5m, 2h, 1d, 1w."""

import re
from types import MappingProxyType

_UNITS = MappingProxyType({"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1})
_SPAN = re.compile(rf"([0-9]{{1,6}})\s*([{''.join(_UNITS)}])")


def seconds_of(text: str) -> int:
    """The seconds that a text means; raises ValueError, which says how one is written."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time such as 30s, 5m, 2h or 1d (s, m, h, d and w are known)")
    return int(found[1]) * _UNITS[found[2]]


def span_of(seconds: int) -> str:
    """The shortest text for so many seconds."""
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0 and (seconds or unit == "s"))
    return f"{seconds // _UNITS[unit]}{unit}"
