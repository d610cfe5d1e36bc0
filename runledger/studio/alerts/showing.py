"""What all pages about alerts have in common: their words, and waiting for what was just changed."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import Command
from runledger.server.desk import Desk
from runledger.studio.alerts.words import words_in
from runledger.studio.forms import back_to
from runledger.studio.pages import Pages, visitor_of


class Showing:
    """Asks at the desk, and shows."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        """Pages of this server."""
        self.desk = desk
        self._pages = pages

    def page(
        self, request: Request, template: str, code: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
    ) -> Response:
        """A page, or a part of one, in words."""
        words = words_in(self._pages.texts(request))
        return self._pages.page(request, template, code, headers, words=words, **shown)

    async def changed(self, request: Request, command: Command, address: str) -> Response:
        """Carry out a command, then show a page that knows of it."""
        answer = await self.desk.act(command, visitor_of(request))
        return back_to(request, f"{address}?at={answer.position}")
