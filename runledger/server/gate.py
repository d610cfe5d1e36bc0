"""The gate before the routes: no command or question comes in before the server is ready, or once it stops."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import NotReadyError
from ledger.problems import BadMessageError
from runledger.server.replies import refusal
from schemas.errors import LedgerError

_API = "/api/"
_PORT = re.compile(r":[0-9]+$")


class Door:
    """Whether requests may come in, and how many are inside."""

    def __init__(self) -> None:
        """Closed, until the server is ready."""
        self.ready = False
        self.stopping = False
        self.inside = 0
        self._empty = asyncio.Event()

    def closed(self) -> LedgerError | None:
        """Why nobody comes in, if so."""
        if self.stopping:
            return NotReadyError("the server is stopping and takes nothing new; try again")
        return None if self.ready else NotReadyError("the server is still reading its log; try again")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside until the end of the block."""
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
            self._tell()

    async def stop(self) -> None:
        """Let nobody in any more, and return when everybody inside has been answered."""
        self.stopping = True
        self._tell()
        await self._empty.wait()

    def _tell(self) -> None:
        if self.stopping and not self.inside:
            self._empty.set()


class Gate:
    """The application as the network sees it.

    A page of another site may lead a browser to a loopback address, but not under a name of ours.
    """

    def __init__(self, app: ASGIApp, door: Door, hosts: frozenset[str]) -> None:
        """Guard an application that goes by these host names."""
        self._app = app
        self._door = door
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        answer = self._app if scope["type"] != "http" else self._refusal(scope) or self._app
        with self._door.entered():
            await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if not self._is_ours(scope):
            names = ", ".join(sorted(self._hosts))
            error = BadMessageError(f"this server goes by the names {names}, and no other")
            return refusal(error, HTTPStatus.MISDIRECTED_REQUEST)
        closed = self._door.closed()
        if closed is None or not scope["path"].startswith(_API):
            return None
        return refusal(closed, headers={"Connection": "close"})

    def _is_ours(self, scope: Scope) -> bool:
        named = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        return _PORT.sub("", named).lower() in self._hosts
