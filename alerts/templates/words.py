"""How values are said to people: times, durations, numbers, and text that is safe to show."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a terminal understands and a reader of mail does not: colours, titles of windows.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Control characters, halves of characters, and what turns the direction of writing unseen.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_DIGITS = 30
_SECOND = 1_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def plain(text: str) -> str:
    """The text without what cannot be shown; lines end in a line feed."""
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("", text)


def one_line(text: str, length: int = 200) -> str:
    """The text in one line of at most so many characters."""
    text = " ".join(plain(text).split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def shown(value: object) -> str:
    """A logged value as text."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case int() if abs(value) >= 10**_DIGITS:
            # A number too long to be written out is also too long to be read.
            return f"an integer of {value.bit_length():,} bits"
        case _:
            return plain(str(value))


def moment(milliseconds: int) -> str:
    """Milliseconds since 1970 as a date and a time of day in UTC."""
    try:
        return f"{_EPOCH + timedelta(milliseconds=milliseconds):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return f"{milliseconds} ms"


def duration(milliseconds: int) -> str:
    """A length of time in its two largest units."""
    if milliseconds < _SECOND:
        return f"{milliseconds} ms"
    if milliseconds < 10 * _SECOND:
        return f"{milliseconds / _SECOND:.1f} s"
    rest = milliseconds // _SECOND
    parts: list[str] = []
    for seconds, unit in _UNITS:
        count, rest = divmod(rest, seconds)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def tail(text: str, size: int) -> str:
    """The end of a text, within so many bytes of UTF-8, whole lines, with a note of what was left out."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= size:
        return text
    kept = encoded[-size:].decode("utf-8", "ignore")
    _, _, whole = kept.partition("\n")
    return f"[the first {len(encoded) - len((whole or kept).encode()):,} bytes are left out]\n{whole or kept}"
