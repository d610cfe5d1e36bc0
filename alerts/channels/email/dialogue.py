"""What is said on a connection after aiosmtplib opened it: several commands may be under way at once (RFC 2920).

aiosmtplib sends a command, waits for its answer, and drops what comes beyond that. Here each command that was sent
has its answer, in order; what comes unasked is dropped as there, so that it is taken for no answer.
"""

import asyncio
import re
from collections import deque

from aiosmtplib import SMTPReadTimeoutError, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.response import SMTPResponse

_LONGEST = 32_768
_INVALID = -1
_LINE = re.compile(rb"([0-9]{3})(?:([ -])(.*))?", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Dialogue(asyncio.Protocol):
    """The protocol of a transport from then on; after an error it is of no more use."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Take the transport over; nothing is under way on it."""
        self._transport = transport
        self._buffer = b""
        self._said: list[bytes] = []
        self._owed = 0
        self._answers: deque[SMTPResponse] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it, as far as is known."""
        return self._error is None and not self._transport.is_closing()

    def command(self, *lines: bytes) -> None:
        """Send commands, each of which will have an answer.

        Raises:
            ValueError: one of them holds a line break or another control character; nothing was sent.
            SMTPServerDisconnected: the connection is closed.
        """
        if any(_CONTROL.search(line) for line in lines):
            raise ValueError("a command holds a control character")
        self.send(b"".join(line + b"\r\n" for line in lines), answers=len(lines))

    def send(self, data: bytes, *, answers: int) -> None:
        """Send bytes that will have so many answers; raises SMTPServerDisconnected."""
        if not self.is_open:
            raise self._error or SMTPServerDisconnected("Connection lost")
        self._owed += answers
        self._transport.write(data)

    async def answer(self, seconds: float) -> SMTPResponse:
        """The next answer; raises the reason if none comes."""
        if not self._answers and self._error is None:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            late = SMTPReadTimeoutError("Timed out waiting for server response")
            timer = loop.call_later(seconds, self._fail, late)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        if self._answers:
            return self._answers.popleft()
        raise self._error or SMTPServerDisconnected("Connection lost")

    def close(self) -> None:
        """Close at once."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take in what came, answer by answer."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._hear(line.rstrip(b"\r"))
        if len(self._buffer) + sum(map(len, self._said)) > _LONGEST:
            self._fail(SMTPResponseException(_INVALID, "Response too long"))

    def eof_received(self) -> bool:
        """Nothing more will come: the transport closes itself."""
        self._fail(SMTPServerDisconnected("Unexpected EOF received"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        error = SMTPServerDisconnected("Connection lost")
        error.__cause__ = exc
        self._fail(error)

    def _hear(self, line: bytes) -> None:
        found = _LINE.fullmatch(line)
        if found is None:
            self._fail(SMTPResponseException(_INVALID, f"Malformed SMTP response line: {line.decode(errors='ignore')}"))
            return
        self._said.append((found[3] or b"").strip())
        if found[2] == b"-":
            return
        text, self._said = b"\n".join(self._said), []
        if self._owed and self._error is None:
            self._owed -= 1
            self._answers.append(SMTPResponse(int(found[1]), text.decode("utf-8", "surrogateescape")))
            self._wake()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
