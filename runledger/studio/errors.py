"""What a page says when something went wrong: what happened, and what to do."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from ledger.problems import problem_of
from runledger.server.gate import REFUSED
from runledger.studio.pages import Pages, is_part
from schemas.errors import LedgerError

_log = logging.getLogger(__name__)
# What a part of a page was asked for stays as it is; what is wrong is said beside it.
_BESIDE = {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"}


class ErrorPages:
    """Answers for what routes raise."""

    def __init__(self, pages: Pages) -> None:
        """Render with these pages."""
        self._pages = pages

    def handlers(self) -> Mapping[type[Exception], ExceptionHandler]:
        """Which error is answered by what."""
        return {LedgerError: self._of_ledger, HTTPException: self._of_http, Exception: self._unexpected}

    def before(self, app: ASGIApp) -> ASGIApp:
        """An application in whose place the gate's refusals are told."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            refused = scope.get("state", {}).get(REFUSED)
            if refused is None:
                await app(scope, receive, send)
                return
            told = await self._of_ledger(Request(scope, receive), refused)
            await told(scope, receive, send)

        return answer

    async def _of_ledger(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, LedgerError):
            raise TypeError(error)
        problem = problem_of(error)
        return self._answer(request, problem["status"], problem["title"], str(error))

    async def _of_http(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise TypeError(error)
        if error.status_code == HTTPStatus.NOT_FOUND:
            return self._answer(request, 404, "Not found", f"There is no page at {request.url.path}.")
        return self._answer(request, error.status_code, HTTPStatus(error.status_code).phrase, error.detail)

    async def _unexpected(self, request: Request, error: Exception) -> Response:
        _log.error("a page failed: %s %s", request.method, request.url.path, exc_info=error)
        text = f"The page failed with an unexpected {type(error).__name__}. The server's log says more."
        return self._answer(request, 500, "Something went wrong here", text)

    def _answer(self, request: Request, status: int, title: str, text: str) -> Response:
        if is_part(request):
            return self._pages.page(request, "toast.html", status, _BESIDE, title=title, text=text)
        return self._pages.page(request, "error.html", status, title=title, text=text, number=status)
