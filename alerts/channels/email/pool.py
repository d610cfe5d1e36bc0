"""Connections that are kept and used again, and a breaker before new ones."""

import asyncio
import socket
import ssl
from time import monotonic

from aiosmtplib import SMTPException

from alerts.channels.email.breaker import Breaker
from alerts.channels.email.connection import Connection
from alerts.channels.email.replies import reason
from alerts.channels.email.settings import SmtpSettings, is_host_name


class CannotConnectError(Exception):
    """There is no connection to be had now; `wait` is how long nobody will try."""

    def __init__(self, why: str, code: int | None, wait: float) -> None:
        super().__init__(why)
        self.why, self.code, self.wait = why, code, wait


class Pool:
    """Hands out connections; the caller holds no more of them at once than the settings allow."""

    def __init__(self, settings: SmtpSettings, tls: ssl.SSLContext | None) -> None:
        """No connection is made yet."""
        self._settings = settings
        self._tls = tls
        self._idle: list[Connection] = []
        self._breaker = Breaker()
        self._why: str = ""
        self._code: int | None = None
        self._helo = settings.helo
        self._closed = False

    async def kept(self) -> Connection | None:
        """A connection that was used before and still answers; the one that was used last."""
        while self._idle:
            connection = self._idle.pop()
            if await connection.is_ready():
                return connection
        return None

    async def fresh(self) -> Connection:
        """A new connection, or CannotConnectError."""
        step, wait = self._breaker.step, self._breaker.wait(monotonic())
        if wait:
            raise CannotConnectError(self._why, self._code, wait)
        connection = Connection(self._settings, self._tls, await self._own_name())
        try:
            await connection.open()
        except (SMTPException, OSError, ValueError) as error:
            where = f"{self._settings.host}:{self._settings.port}"
            code = getattr(error, "code", None)
            wait = self.broke(step, f"no connection to {where}: {reason(error)}", code)
            raise CannotConnectError(self._why, self._code, wait) from error
        return connection

    def keep(self, connection: Connection) -> None:
        """Take a connection back, for the next mail."""
        if self._closed:
            connection.close()
        elif connection.is_open:
            self._idle.append(connection)

    def worked(self) -> None:
        """After the relay spoke about a mail and not about us."""
        self._breaker = Breaker()

    def broke(self, step: int, why: str, code: int | None) -> float:
        """After a try that began in `step` found the relay unusable; the seconds until the next."""
        now = monotonic()
        self._breaker = self._breaker.failed(now, step)
        self._why, self._code = why, code
        return self._breaker.wait(now)

    @property
    def step(self) -> int:
        """The step of the breaker, to be given back to `broke`."""
        return self._breaker.step

    async def close(self) -> None:
        """Take leave of the relay on every connection that is not in use."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit() for connection in idle))

    async def _own_name(self) -> str:
        """The name we greet with: asking the system for it may wait for a name server."""
        if self._helo is None:
            name = await asyncio.to_thread(socket.getfqdn)
            self._helo = name if is_host_name(name) else "localhost"
        return self._helo
