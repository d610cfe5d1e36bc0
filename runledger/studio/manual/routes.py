"""`/docs`: how to call the HTTP API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runledger.studio.manual.description import manual_of
from runledger.studio.pages import Pages


def manual_routes(pages: Pages, description: Callable[[], Mapping[str, Any]]) -> Sequence[Route]:
    """Where the API is explained, as its OpenAPI description has it."""

    async def manual(request: Request) -> Response:
        return pages.page(request, "manual.html", manual=manual_of(description()))

    return [Route("/docs", manual)]
