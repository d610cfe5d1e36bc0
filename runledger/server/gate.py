"""The gate before the routes: no command or question comes in before the server is ready, or once it stops."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from alerts.unsubscribe import PATH as UNSUBSCRIBE
from ledger.errors import NotReadyError
from ledger.problems import BadMessageError
from ledger.users.rights import Right
from runledger.server.guard import Guard, authorization_in
from runledger.server.replies import refusal
from runledger.studio.assets import PREFIX as STATIC
from schemas.errors import LedgerError

# The description is the same for every server of a version, and says nothing of the workspace.
_PUBLIC = frozenset({"/livez", "/readyz", "/openapi.json"})
# What these hold is signed: who has one needs nothing else, under whatever name the server is reached.
_SIGNED = re.compile(re.escape(UNSUBSCRIBE) + r"[A-Za-z0-9_.-]+")
LAG_SECONDS = 30.0
"""A server that did not reach the end of its log for so long takes no writes."""

_PORT = re.compile(r":[0-9]+$")


class Door:
    """Whether requests may come in, and how many are inside."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Closed, until the server is ready."""
        self._clock = clock
        self.ready = False
        self.stopping = False
        self.inside = 0
        self._read_at = clock()
        self._empty = asyncio.Event()

    def closed(self) -> LedgerError | None:
        """Why nobody comes in, if so."""
        if self.stopping:
            return NotReadyError("the server is stopping and takes nothing new; try again")
        return None if self.ready else NotReadyError("the server is still reading its log; try again")

    def read(self) -> None:
        """Note that the log was read to its end just now."""
        self._read_at = self._clock()

    def lagging(self) -> LedgerError | None:
        """Why nothing may be written, if so: what this server would decide on may long be otherwise."""
        seconds = self._clock() - self._read_at
        if seconds <= LAG_SECONDS:
            return None
        return NotReadyError(f"this server has not reached the end of its log for {seconds:.0f} s; try again")

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

    A page of another site may lead a browser to a loopback address, but not under a name of ours;
    a token it does not have, so names count only while none is asked for.
    """

    def __init__(self, app: ASGIApp, door: Door, guard: Guard, hosts: frozenset[str]) -> None:
        """Stand before an application that goes by these host names."""
        self._app = app
        self._door = door
        self._guard = guard
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        answer = self._app if scope["type"] != "http" else self._refusal(scope) or self._app
        with self._door.entered():
            await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        try:
            return self._refusal_to_visitor(scope)
        except LedgerError as error:
            return refusal(error)

    def _refusal_to_visitor(self, scope: Scope) -> ASGIApp | None:
        signed = _SIGNED.fullmatch(scope["path"]) is not None
        if not signed and not self._is_ours(scope) and self._guard.is_open():
            names = ", ".join(sorted(self._hosts))
            error = BadMessageError(f"this server goes by the names {names}, and no other")
            return refusal(error, HTTPStatus.MISDIRECTED_REQUEST)
        if scope["path"] in _PUBLIC or scope["path"].startswith(STATIC):
            return None
        closed = self._door.closed()
        if closed is not None:
            return refusal(closed, headers={"Connection": "close"})
        if signed:
            return None
        visitor = self._guard.visitor(authorization_in(scope["headers"]))
        visitor.check(Right.READ)
        scope.setdefault("state", {})["visitor"] = visitor
        return None

    def _is_ours(self, scope: Scope) -> bool:
        named = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        return _PORT.sub("", named).lower() in self._hosts
