"""Header lines that a reader decodes to exactly what was meant, whatever was meant.

Python's own serializer loses spaces between encoded words and encodes long ids, so these lines are
ours: every value is cleaned first, ids and addresses are never folded, and text is folded by RFC 2047.
"""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime

from alerts.templates.words import one_line
from schemas.addresses import why_no_address

_LINE, _LONGEST_LINE = 76, 900
_WORD = 75
_TEXT_LENGTH = 400
_NAME_LENGTH, _NAME_BYTES = 60, 45
_QUOTED = re.compile(r'([\\"])')
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*\Z")
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")
_URL = re.compile(r"https?://[\x21-\x3b\x3d\x3f-\x7e]+\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text_line(name: str, text: str) -> str:
    """A header of words, such as the subject."""
    text = one_line(text, _TEXT_LENGTH)
    if text.isascii() and "=?" not in text and len(name) + len(text) + 2 <= _LINE:
        return f"{name}: {text}\r\n"
    encoded = Header(text, "utf-8", maxlinelen=_WORD, header_name=name).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n"


def address_line(name: str, address: str, display_name: str = "") -> str:
    """A header with one address, and the name of who has it.

    What is no address becomes a group without members, which is a valid header.
    """
    if why_no_address(address) is not None:
        return f"{name}: undisclosed-recipients:;\r\n"
    phrase = _phrase(one_line(display_name))
    return f"{name}: {phrase}\r\n <{address}>\r\n" if phrase else f"{name}: {address}\r\n"


def token_line(name: str, value: str) -> str:
    """A header that holds one id or keyword; a value that is none leaves the header out."""
    fits = _TOKEN.match(value) and len(value) <= _LONGEST_LINE
    return f"{name}: {value}\r\n" if fits else ""


def date_line(milliseconds: int) -> str:
    """The date header, in UTC; moments that no calendar has count as the first."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        moment = _EPOCH
    return f"Date: {format_datetime(moment)}\r\n"


def usable_url(url: str | None) -> str | None:
    """An address of the web that fits into a header as it is; None for any other."""
    return url if url is not None and _URL.match(url) and len(url) <= _LONGEST_LINE else None


def unsubscribe_lines(url: str | None) -> str:
    """RFC 2369 and, where the address is https, RFC 8058; without a usable address nothing."""
    if url is None:
        return ""
    post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if url.startswith("https://") else ""
    return f"List-Unsubscribe: <{url}>\r\n{post}"


def _phrase(name: str) -> str:
    """A display name, cut to what fits into one word: some readers put a space between two."""
    if name.isascii() and "=?" not in name:
        name = name[:_NAME_LENGTH].rstrip()
        return name if _ATOMS.match(name) else '"' + _QUOTED.sub(r"\\\1", name) + '"'
    fitting = name.encode()[:_NAME_BYTES].decode("utf-8", "ignore").rstrip()
    return f"=?utf-8?b?{b64encode(fitting.encode()).decode()}?="
