"""How times, durations, sizes and numbers are written for people, in their language."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from jinja2 import Undefined
from markupsafe import Markup

_MADE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SIZES = ("B", "kB", "MB", "GB", "TB")
_PLAIN_FROM, _PLAIN_UP_TO = 1e-4, 1e9


def formats_of(language: str, now: Callable[[], datetime]) -> Mapping[str, Callable[..., Any]]:
    """The filters of the templates in one language."""

    def when(moment: str) -> str:
        """How long ago; the script of the page keeps it true, and shows the reader's own time beside it."""
        at = datetime.fromisoformat(moment)
        text = format_timedelta(at - now(), add_direction=True, locale=language)
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(moment, full(moment), text)

    def full(moment: str) -> str:
        """Date and time in UTC."""
        at = datetime.fromisoformat(moment).astimezone(UTC)
        return format_datetime(at, "yyyy-MM-dd HH:mm:ss", locale=language)

    def integer(value: int) -> str:
        """A whole number with its thousands parted."""
        return format_decimal(value, locale=language)

    found: dict[str, Callable[[Any], str]] = {
        "when": when,
        "full": full,
        "integer": integer,
        "number": number,
        "duration": duration,
        "size": size,
    }
    return {name: _of_something(written) for name, written in found.items()}


def _of_something(written: Callable[[Any], str]) -> Callable[[Any], str]:
    """What a document does not have is written as nothing."""
    return lambda value: "" if value is None or isinstance(value, Undefined) else written(value)


def duration(seconds: float) -> str:
    """Two units at most: 850 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def number(value: Any) -> str:
    """Six significant digits; what is no number is shown as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if value and not _PLAIN_FROM <= abs(value) < _PLAIN_UP_TO:
        return f"{value:.4g}"
    return f"{value:.6g}"


def size(count: float) -> str:
    """Bytes in the unit that fits."""
    for unit in _SIZES:
        if count < 1000 or unit == _SIZES[-1]:  # noqa: PLR2004 - SI units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError(count)


def short(name: str) -> str:
    """A name as a list shows it: of an id that a machine made, its beginning."""
    return name[:8] if _MADE.fullmatch(name) else name
