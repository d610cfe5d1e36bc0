"""The gate before the routes: no command or question comes in before the server is ready, or once it stops."""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.unsubscribe import PATH as UNSUBSCRIBE
from ledger.errors import ForeignRequestError, NotReadyError, UnauthenticatedError
from ledger.problems import BadMessageError
from ledger.users.rights import Right
from runledger.server.arrival import Arrival, Proxies
from runledger.server.csrf import FIELD, FORM_TYPE, HEADER, again, body_of, fields_in, is_csrf
from runledger.server.guard import Guard, Visitor, token_in
from runledger.server.origin import SAFE_METHODS, is_foreign
from runledger.server.replies import BodyTooLargeError, refusal
from runledger.studio.assets import PREFIX as STATIC
from schemas.errors import LedgerError

# The description is the same for every server of a version, and says nothing of the workspace.
_PUBLIC = frozenset({"/livez", "/readyz", "/openapi.json"})
# What these hold is signed: who has one needs nothing else, under whatever name the server is reached.
_SIGNED = re.compile(re.escape(UNSUBSCRIBE) + r"[A-Za-z0-9_.-]+")
LOGIN = "/login"
_EVENTS = "text/event-stream"
LAG_SECONDS = 30.0
"""A server that did not reach the end of its log for so long takes no writes, unless a setting says otherwise."""


class Door:
    """Whether requests may come in, and how many are inside."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        lag_seconds: float = LAG_SECONDS,
        stopped: Callable[[], LedgerError | None] = lambda: None,
    ) -> None:
        """Closed, until the server is ready; nothing may be written once it lags longer than that.

        `stopped` says why the log takes nothing, if so.
        """
        self._stopped = stopped
        self._clock = clock
        self._lag_seconds = lag_seconds
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
        """Why nothing may be written, if so: the log takes nothing, or what would be decided on may be out of date."""
        stopped = self._stopped()
        if stopped is not None:
            return stopped
        seconds = self._clock() - self._read_at
        if seconds <= self._lag_seconds:
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


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Whose word counts, beside that of the network: the proxies, the names that are ours, and the public address.

    With `pages`, people who are not known are sent to log in.
    """

    proxies: Proxies = field(default_factory=Proxies)
    names: frozenset[str] = frozenset()
    public: str | None = None
    pages: bool = False


REFUSED = "refused"
"""Where the state of a request holds why it is not let in, for the page that says so."""


class WrongHostError(BadMessageError):
    """A request under a name that is none of ours."""


class Gate:
    """The application as the network sees it.

    A page of another site may lead a browser to a loopback address, but not under a name of ours;
    a token it does not have, nor the cookie of ours, so names count only while none is asked for,
    or where `names` says which are ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        guard: Guard,
        hosts: frozenset[str],
        *,
        settings: GateSettings | None = None,
        refused: Callable[[str, Arrival], None] = lambda _, __: None,
    ) -> None:
        """Stand before an application that goes by these host names; `refused` is told of tokens that are none."""
        self._app = app
        self._door = door
        self._guard = guard
        self._hosts = hosts
        self._settings = settings or GateSettings()
        self._refused_token = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        with self._door.entered():
            if scope["type"] != "http":
                await self._app(scope, receive, send)
                return
            arrival = self._settings.proxies.arrival(scope.get("client"), scope.get("scheme", "http"), scope["headers"])
            scope.setdefault("state", {}).update(arrival=arrival, csrf="")
            try:
                receive = await self._admitted(scope, receive, arrival)
            except LedgerError as error:
                await self._refusal(scope, error)(scope, receive, send)
            else:
                await self._app(scope, receive, self._while_valid(scope, send))

    async def _admitted(self, scope: Scope, receive: Receive, arrival: Arrival) -> Receive:
        """What the application reads the request from; raises LedgerError for who is not let in."""
        path, signed = scope["path"], _SIGNED.fullmatch(scope["path"]) is not None
        self._check_name(arrival, signed=signed)
        if path in _PUBLIC or path.startswith(STATIC):
            return receive
        closed = self._door.closed()
        if closed is not None:
            raise closed
        if signed:
            return receive
        self._check_origin(scope, arrival)
        if self._settings.pages and path == LOGIN:
            with suppress(UnauthenticatedError):
                self._welcome(scope, arrival)
            return receive
        visitor = self._welcome(scope, arrival)
        visitor.check(Right.READ)
        if visitor.session is None or scope.get("method", "GET") in SAFE_METHODS:
            return receive
        return await _with_token_of_ours(scope, receive, visitor)

    def _welcome(self, scope: Scope, arrival: Arrival) -> Visitor:
        try:
            visitor = self._guard.visitor(scope["headers"], arrival)
        except UnauthenticatedError:
            token = token_in(scope["headers"])
            if token is not None:
                self._refused_token(token, arrival)
            raise
        scope["state"].update(visitor=visitor, csrf=visitor.csrf)
        return visitor

    def _check_name(self, arrival: Arrival, *, signed: bool) -> None:
        names = self._settings.names
        if arrival.name in self._hosts or arrival.name in names or signed:
            return
        if names or self._guard.is_open():
            shown = ", ".join(sorted(self._hosts | names))
            raise WrongHostError(f"this server goes by the names {shown}, and no other")

    def _check_origin(self, scope: Scope, arrival: Arrival) -> None:
        """Nothing changes because of a page of another site, whoever is logged in; programs with tokens are none."""
        headers = scope["headers"]
        if scope.get("method", "GET") in SAFE_METHODS or token_in(headers) is not None:
            return
        site, origin = _header(headers, b"sec-fetch-site"), _header(headers, b"origin")
        if is_foreign(site, origin, arrival, self._settings.public):
            raise ForeignRequestError(
                f"a page of {origin or 'another site'} asks for it, and this server goes by {arrival.host}. Behind a "
                "proxy, have it pass on the name that was asked for, or name the address in RUNLEDGER_PUBLIC_URL."
            )

    def _refusal(self, scope: Scope, error: LedgerError) -> ASGIApp:
        match error:
            case WrongHostError():
                return refusal(error, HTTPStatus.MISDIRECTED_REQUEST)
            case BodyTooLargeError():
                return refusal(error, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"})
            case NotReadyError():
                return refusal(error, headers={"Connection": "close"})
            case _ if self._settings.pages and _is_for_a_person(scope):
                return self._told_by_a_page(scope, error)
            case UnauthenticatedError() if self._settings.pages and _is_part_of_a_page(scope):
                return refusal(error, headers={"HX-Redirect": _login_before(_shown(scope, b"hx-current-url"))})
            case _:
                return refusal(error)

    def _told_by_a_page(self, scope: Scope, error: LedgerError) -> ASGIApp:
        if isinstance(error, UnauthenticatedError):
            return RedirectResponse(_login_before(_asked(scope)), HTTPStatus.SEE_OTHER)
        scope["state"][REFUSED] = error
        return self._app

    def _while_valid(self, scope: Scope, send: Send) -> Send:
        """What is streamed ends when its reader is not let in any more."""
        streams = over = False

        async def sent(message: Message) -> None:
            nonlocal streams, over
            if message["type"] == "http.response.start":
                kind = _header(message.get("headers", []), b"content-type") or ""
                streams = kind.startswith(_EVENTS) and "visitor" in scope["state"]
            elif streams and not over and not self._is_still_welcome(scope):
                over = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            if not over:
                await send(message)

        return sent

    def _is_still_welcome(self, scope: Scope) -> bool:
        try:
            self._guard.visitor(scope["headers"], scope["state"]["arrival"]).check(Right.READ)
        except LedgerError:
            return False
        return True


async def _with_token_of_ours(scope: Scope, receive: Receive, visitor: Visitor) -> Receive:
    """Check that a page of ours sends it: by its header, or by the field of a form, which is read for it."""
    if is_csrf(_header(scope["headers"], HEADER), visitor.csrf):
        return receive
    kind = (_header(scope["headers"], b"content-type") or "").partition(";")[0].strip().lower()
    if kind == FORM_TYPE:
        body = await body_of(receive)
        if is_csrf(fields_in(body).get(FIELD), visitor.csrf):
            return again(body, receive)
    raise ForeignRequestError(
        "the form is out of date, or not of this server: load the page again. Programs send a token instead of a "
        "cookie, or with the cookie the header X-CSRF-Token."
    )


def _is_for_a_person(scope: Scope) -> bool:
    """Whether a browser goes to a page or sends a form of one, and shows what it gets."""
    accept = _header(scope["headers"], b"accept") or ""
    return "text/html" in accept and not scope["path"].startswith("/api/") and not _is_part_of_a_page(scope)


def _is_part_of_a_page(scope: Scope) -> bool:
    return _header(scope["headers"], b"hx-request") == "true"


def _login_before(address: str) -> str:
    return f"{LOGIN}?{urlencode({'next': address})}"


def _shown(scope: Scope, header: bytes) -> str:
    """The address of the page that asks, as a header tells."""
    parts = urlsplit(_header(scope["headers"], header) or "/")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _asked(scope: Scope) -> str:
    if scope.get("method", "GET") not in SAFE_METHODS:
        return _shown(scope, b"referer")
    query = scope.get("query_string", b"").decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)
