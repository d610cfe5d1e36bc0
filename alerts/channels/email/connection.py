"""One connection to the relay: aiosmtplib opens it, with every step checked; then mails are handed over."""

import asyncio
import ssl
from time import monotonic
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPServerDisconnected
from aiosmtplib.response import SMTPResponse

from alerts.channels.email.dialogue import Dialogue
from alerts.channels.email.replies import Phase
from alerts.channels.email.settings import SmtpSettings

_OK, _CLOSING = 250, 421
_LEAVE_SECONDS = 2.0


class Connection:
    """Who is cancelled or gets no answer must close it."""

    def __init__(self, settings: SmtpSettings, tls: ssl.SSLContext | None, helo: str) -> None:
        """Not yet connected."""
        self._timeouts = settings.timeouts
        self._settings = settings
        self._tls = tls
        self._client = SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=helo,
            timeout=settings.timeouts.command,
            use_tls=settings.encryption == "tls",
            start_tls=False,
            tls_context=tls,
        )
        self._dialogue: Dialogue | None = None
        self._used_at = monotonic()
        self._in_envelope = False

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it, as far as is known."""
        return self._dialogue is not None and self._dialogue.is_open

    @property
    def takes_commands_at_once(self) -> bool:
        """Whether the relay reads the next command before it has answered the last (RFC 2920)."""
        return self.offers("pipelining")

    async def open(self) -> None:
        """Connect, encrypt and log in; raises SMTPException or OSError, and is closed then."""
        try:
            await self._client.connect(timeout=self._timeouts.connect)
            if self._settings.encryption == "starttls":
                await self._client.starttls(tls_context=self._tls, timeout=self._timeouts.connect)
            if self._settings.user is not None:
                await self._client.login(self._settings.user, self._settings.password or "")
            if self._client.is_ehlo_or_helo_needed:
                await self._client.ehlo()
            self._dialogue = Dialogue(cast(asyncio.Transport, self._client.transport))
        except BaseException:
            self.close()
            raise

    async def is_ready(self) -> bool:
        """Whether it can take the next mail: one that stands in a mail, or was idle, is asked first."""
        idle = monotonic() - self._used_at > self._timeouts.idle_check
        if self.is_open and (idle or self._in_envelope):
            try:
                self.command(b"RSET")
                answer = await self.answer(self._timeouts.probe)
            except (SMTPException, OSError):
                return False
            if answer.code != _OK:
                self.close()
            self._in_envelope = False
        return self.is_open

    def offers(self, extension: str) -> bool:
        """Whether the relay knows an extension of SMTP."""
        return self._client.supports_extension(extension)

    def patience(self, phase: Phase) -> float:
        """How many seconds an answer to a command of a phase is waited for."""
        return self._timeouts.data if phase is Phase.DATA else self._timeouts.command

    def command(self, *lines: bytes) -> None:
        """Send commands, each of which is answered; it is closed if that cannot be, and raises the reason."""
        self._in_envelope = True
        try:
            self._open().command(*lines)
        except BaseException:
            self.close()
            raise

    async def answer(self, seconds: float) -> SMTPResponse:
        """The next answer; it is closed if none comes, and raises the reason."""
        try:
            answer = await self._open().answer(seconds)
        except BaseException:
            self.close()
            raise
        if answer.code == _CLOSING:
            self.close()
        self._used_at = monotonic()
        return answer

    async def body(self, content: bytes) -> SMTPResponse:
        """Hand over a mail after the relay asked for it, and wait; closed as with a command."""
        try:
            self._open().send(_stuffed(content), answers=1)
        except BaseException:
            self.close()
            raise
        answer = await self.answer(self._timeouts.final)
        self._in_envelope = False
        return answer

    async def quit(self) -> None:
        """Take leave, if the relay listens, and close."""
        try:
            self.command(b"QUIT")
            await self.answer(_LEAVE_SECONDS)
        except (SMTPException, OSError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close at once."""
        if self._dialogue is not None:
            self._dialogue.close()
        self._client.close()

    def _open(self) -> Dialogue:
        if self._dialogue is None:
            raise SMTPServerDisconnected("the connection is not open")
        return self._dialogue


def _stuffed(content: bytes) -> bytes:
    """The mail as the wire has it: no line is a dot alone but the last (RFC 5321 4.5.2)."""
    dotted = content.replace(b"\r\n.", b"\r\n..")
    if not content:
        return b".\r\n"
    return (
        (b"." if content.startswith(b".") else b"") + dotted + (b".\r\n" if dotted.endswith(b"\r\n") else b"\r\n.\r\n")
    )
