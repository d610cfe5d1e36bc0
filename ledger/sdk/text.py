"""Values of tags and properties are text; what is not is turned into it, with a warning once."""

import logging
from collections.abc import Mapping

from schemas.limits import UNSTORABLE

_log = logging.getLogger(__name__)


def storable(text: str) -> str:
    """The text without what no store keeps: file names and errors may hold half a surrogate pair."""
    return UNSTORABLE.sub("\ufffd", text)


def as_texts(what: str, pairs: Mapping[str, object]) -> dict[str, str | None]:
    """Text for every value; None stays None (parity F3)."""
    return {key: None if value is None else as_text(what, key, value) for key, value in pairs.items()}


def as_text(what: str, key: str, value: object) -> str:
    """The value as text (parity F3: 1 becomes "1")."""
    if isinstance(value, str):
        return value
    text = str(value)
    _log.warning("the value of %s %r is stored as the text %r", what, key, text)
    return text
