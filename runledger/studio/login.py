"""Logging in and out of the pages: forms that work without script."""

import secrets
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import InvalidNameError
from runledger.server.arrival import Arrival
from runledger.server.cookies import FORM, SESSION, Cookie
from runledger.server.csrf import FIELD, FORM_TYPE, body_of, csrf_of, fields_in, is_csrf
from runledger.server.gate import LOGIN
from runledger.server.guard import Visitor
from runledger.server.logins import LoginError, Logins
from runledger.server.replies import BodyTooLargeError
from runledger.studio.look import local

LOGOUT = "/logout"
_BYTES = 10_000
_FORM_SECONDS = 3_600


class Show(Protocol):
    """Renders a template, as `Pages.page` does."""

    def __call__(
        self, request: Request, template: str, code: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
    ) -> Response:
        """A page."""


class LoginPages:
    """What is behind /login and /logout."""

    def __init__(self, logins: Logins, show: Show) -> None:
        """Let people in by `logins`; `show` renders login.html with name, next, form_token, and why again."""
        self._logins = logins
        self._show = show

    def routes(self) -> list[Route]:
        """Both addresses."""
        return [
            Route(LOGIN, self.form, methods=["GET"]),
            Route(LOGIN, self.log_in, methods=["POST"]),
            Route(LOGOUT, self.log_out, methods=["POST"]),
            Route("/me/password", self.change_password, methods=["POST"]),
        ]

    async def form(self, request: Request) -> Response:
        """The form; who is known already goes on."""
        target = _target(request.query_params.get("next", "/"))
        if getattr(request.state, "visitor", None) is not None:
            return RedirectResponse(target, 303)
        return self._form(request, next=target)

    async def log_in(self, request: Request) -> Response:
        """Let in who knows the password, and back to where he wanted to go."""
        fields = await _fields(request)
        name, target = fields.get("name", "").strip(), _target(fields.get("next", "/"))
        if not is_csrf(fields.get(FIELD), csrf_of(_form_cookie(request) or "")) or not _form_cookie(request):
            return self._form(request, 403, name=name, next=target, why="form")
        arrival = _arrival(request)
        try:
            agent = request.headers.get("user-agent")
            session = await self._logins.log_in(name, fields.get("password", ""), arrival, agent)
        except LoginError as error:
            headers = {"Retry-After": str(error.wait_seconds)} if error.wait_seconds else {}
            code, why = (429, "wait") if error.wait_seconds else (401, "wrong")
            return self._form(request, code, headers, name=name, next=target, why=why, wait=str(error.wait_seconds))
        answer = RedirectResponse(target, 303)
        seconds = int(self._logins.times.lasting.total_seconds())
        answer.headers.append("set-cookie", Cookie(SESSION, arrival).setting(session.text, seconds))
        answer.headers.append("set-cookie", Cookie(FORM, arrival).clearing())
        return answer

    async def log_out(self, request: Request) -> Response:
        """End the session, or with the field `everywhere` all of the user's."""
        visitor: Visitor = request.state.visitor
        everywhere = bool((await _fields(request)).get("everywhere"))
        await self._logins.leave(visitor, everywhere=everywhere)
        answer = RedirectResponse(LOGIN, 303)
        answer.headers.append("set-cookie", Cookie(SESSION, _arrival(request)).clearing())
        return answer

    async def change_password(self, request: Request) -> Response:
        """Set the visitor's own password, which ends every session but this one."""
        visitor: Visitor = request.state.visitor
        fields, arrival = await _fields(request), _arrival(request)
        try:
            session = await self._logins.change_password(
                visitor, fields.get("current", ""), fields.get("password", ""), arrival
            )
        except LoginError as error:
            why = "wait" if error.wait_seconds else "wrong"
            return self._show(request, "users/password.html", 422, why=why, wrong="", wait=str(error.wait_seconds))
        except InvalidNameError as error:
            return self._show(request, "users/password.html", 422, why="refused", wrong=str(error), wait="")
        answer = RedirectResponse("/me", 303)
        seconds = int(self._logins.times.lasting.total_seconds())
        answer.headers.append("set-cookie", Cookie(SESSION, arrival).setting(session.text, seconds))
        return answer

    def _form(
        self, request: Request, code: int = 200, headers: Mapping[str, str] | None = None, **shown: str
    ) -> Response:
        # Who has no session yet is told from another site's page by a cookie of its own.
        secret = _form_cookie(request) or secrets.token_urlsafe(32)
        given = {"name": "", "next": "/", "why": "", "wait": "", "form_token": csrf_of(secret)} | shown
        answer = self._show(request, "login.html", code, headers, **given)
        answer.headers.append("set-cookie", Cookie(FORM, _arrival(request)).setting(secret, _FORM_SECONDS))
        return answer


def _target(address: str) -> str:
    """Where to go on: never to the forms themselves."""
    return "/" if urlsplit(address).path in {LOGIN, LOGOUT} else local(address)


async def _fields(request: Request) -> Mapping[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        return {}
    try:
        return fields_in(await body_of(request.receive, _BYTES))
    except BodyTooLargeError:
        return {}


def _arrival(request: Request) -> Arrival:
    arrival: Arrival = request.state.arrival
    return arrival


def _form_cookie(request: Request) -> str | None:
    return Cookie(FORM, _arrival(request)).value_in("; ".join(request.headers.getlist("cookie")))
