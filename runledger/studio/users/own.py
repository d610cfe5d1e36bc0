"""What is one's own: tokens, made and revoked, and the browsers that are logged in."""

from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import RefusedError
from runledger.server.accounts import Accounts
from runledger.server.desk import Desk
from runledger.studio.forms import back_to, command_in, form_of, text_in
from runledger.studio.pages import Pages, visitor_of
from schemas.spans import seconds_of


class OwnPages:
    """The page of whoever asks."""

    def __init__(self, desk: Desk, pages: Pages, accounts: Accounts) -> None:
        """Show with these."""
        self._desk = desk
        self._pages = pages
        self._accounts = accounts

    async def me(self, request: Request) -> Response:
        """Who asks, his tokens and his sessions."""
        return await self._page(request)

    async def make_token(self, request: Request) -> Response:
        """A new token, on this answer and never again."""
        visitor, form = visitor_of(request), await form_of(request)
        lasting = text_in(form, "lasting")
        try:
            span = timedelta(seconds=seconds_of(lasting)) if lasting else None
        except ValueError as error:
            return await self._page(request, wrong=str(error), typed=lasting)
        try:
            made = await self._desk.in_thread(
                lambda: self._accounts.make_token(
                    visitor, label=text_in(form, "label") or None, lasting=span, command=command_in(form)
                )
            )
        except RefusedError as error:
            return await self._page(request, wrong=str(error), typed=lasting)
        return await self._page(request, made=made)

    async def revoke_token(self, request: Request) -> Response:
        """Void a token of one's own."""
        await form_of(request)
        visitor, token_id = visitor_of(request), request.path_params["token_id"]
        await self._desk.in_thread(lambda: self._accounts.revoke_token(visitor, token_id))
        return back_to(request, "/me")

    async def end_session(self, request: Request) -> Response:
        """Log a browser out; all of them where none is named."""
        visitor, form = visitor_of(request), await form_of(request)
        session_id = text_in(form, "session") or None
        await self._desk.in_thread(lambda: self._accounts.end_session(visitor, session_id))
        return back_to(request, "/me" if session_id not in {None, visitor.session} else "/login")

    async def _page(
        self, request: Request, made: str | None = None, wrong: str | None = None, typed: str = ""
    ) -> Response:
        visitor = visitor_of(request)
        own: dict[str, Any] = {"tokens": None, "sessions": None}
        if visitor.session is not None:
            tokens, sessions = await self._desk.ask(
                lambda: (self._accounts.my_tokens(visitor), self._accounts.my_sessions(visitor))
            )
            own = {"tokens": list(tokens)[::-1], "sessions": list(sessions)[::-1]}
        return self._pages.page(
            request, "users/me.html", 422 if wrong else 200, made=made, wrong=wrong, typed=typed, **own
        )
