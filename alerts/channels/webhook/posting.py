"""One HTTP/1.1 POST over a connection of its own: of the answer its first line and one header are read.

No redirect is followed and no proxy asked, and the caller's deadline ends it wherever it is: that is why
it is no client library's, whose deadlines are for each read.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from alerts.channels.webhook.settings import WebhookSettings

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_RETRY_AFTER = re.compile(rb"^retry-after:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_INFORMATIONAL = 200
_INTERIM = 10


class NotHandedOverError(Exception):
    """The request was certainly not received."""


class NoAnswerError(Exception):
    """The request was written, and no answer came that can be read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the receiver said."""

    status: int
    words: str
    retry_after_seconds: float = 0.0


async def post(settings: WebhookSettings, tls: ssl.SSLContext | None, headers: Mapping[str, str], body: bytes) -> Reply:
    """Send a request and read the head of its answer, all of it within `settings.seconds`.

    Raises:
        NotHandedOverError: there was no connection.
        NoAnswerError: there was one, and no answer.
    """
    deadline = asyncio.get_running_loop().time() + settings.seconds
    try:
        async with asyncio.timeout_at(deadline):
            reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=tls)
    except OSError as error:
        raise NotHandedOverError(f"no connection to {settings.named}: {str(error) or 'nobody answers'}") from error
    try:
        async with asyncio.timeout_at(deadline):
            writer.write(_head(settings, headers, len(body)) + body)
            with suppress(ConnectionError):
                # Who refuses early may have answered all the same.
                await writer.drain()
            return await _answer(reader)
    except TimeoutError as error:
        raise NoAnswerError(f"{settings.named} gave no answer within {settings.seconds:g} s") from error
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise NoAnswerError(f"{settings.named} gave no answer: {type(error).__name__}") from error
    finally:
        writer.transport.abort()


def _head(settings: WebhookSettings, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"POST {settings.target} HTTP/1.1", f"Host: {settings.named}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {length}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("ascii", "replace")


async def _answer(reader: asyncio.StreamReader) -> Reply:
    for _ in range(_INTERIM):
        head = await reader.readuntil(b"\r\n\r\n")
        found = _STATUS.match(head)
        if found is None:
            break
        if int(found[1]) >= _INFORMATIONAL:
            later = _RETRY_AFTER.search(head)
            return Reply(int(found[1]), (found[2] or b"").decode("latin-1"), _seconds(later[1]) if later else 0.0)
    raise NoAnswerError("the answer is not HTTP/1.1")


def _seconds(text: bytes) -> float:
    """Seconds from a number or a date; 0 for what is neither."""
    said = text.decode("latin-1").strip()
    if said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
