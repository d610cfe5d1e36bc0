"""One connection to the relay: opened with every step checked, then one command at a time."""

import ssl
from time import monotonic

from aiosmtplib import SMTP, SMTPException, SMTPServerDisconnected
from aiosmtplib.response import SMTPResponse

from alerts.channels.email.settings import SmtpSettings

_OK, _CLOSING = 250, 421
_LEAVE_SECONDS = 2.0


class Connection:
    """Wraps an aiosmtplib client; whoever is cancelled or gets no answer must close it."""

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
        self._used_at = monotonic()
        self._in_envelope = False

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it, as far as is known."""
        return self._client.is_connected

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
        except BaseException:
            self.close()
            raise

    async def is_ready(self) -> bool:
        """Whether it can take the next mail: one that stands in a mail, or was idle, is asked first."""
        idle = monotonic() - self._used_at > self._timeouts.idle_check
        if self.is_open and (idle or self._in_envelope):
            try:
                answer = await self.command(b"RSET", seconds=self._timeouts.probe)
            except (SMTPException, OSError):
                return False
            if answer.code != _OK:
                self.close()
            self._in_envelope = False
        return self.is_open

    def offers(self, extension: str) -> bool:
        """Whether the relay knows an extension of SMTP."""
        return self._client.supports_extension(extension)

    async def command(self, *words: bytes, seconds: float | None = None) -> SMTPResponse:
        """Send a command and wait for its answer; it is closed if none comes, and raises the reason."""
        self._in_envelope = True
        usual = self._timeouts.data if words[0] == b"DATA" else self._timeouts.command
        try:
            answer = await self._client.execute_command(*words, timeout=usual if seconds is None else seconds)
        except BaseException:
            self.close()
            raise
        self._used_at = monotonic()
        return answer

    async def body(self, content: bytes) -> SMTPResponse:
        """Hand over a mail after the relay asked for it, and wait; closed as with a command.

        The client's own `data()` hides whether the relay had asked for the mail when it failed, and
        waits for both answers alike.
        """
        protocol = self._client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("the connection was lost before the mail was handed over")
        try:
            protocol.write(_stuffed(content))
            answer = await protocol.read_response(timeout=self._timeouts.final)
        except BaseException:
            self.close()
            raise
        if answer.code == _CLOSING:
            self.close()
        self._in_envelope, self._used_at = False, monotonic()
        return answer

    async def quit(self) -> None:
        """Take leave, if the relay listens, and close."""
        try:
            await self._client.quit(timeout=_LEAVE_SECONDS)
        except (SMTPException, OSError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close at once."""
        self._client.close()


def _stuffed(content: bytes) -> bytes:
    """The mail as the wire has it: no line is a dot alone but the last (RFC 5321 4.5.2)."""
    dotted = content.replace(b"\r\n.", b"\r\n..")
    return (
        (b"." if content.startswith(b".") else b"") + dotted + (b".\r\n" if dotted.endswith(b"\r\n") else b"\r\n.\r\n")
    )
