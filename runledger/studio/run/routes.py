"""The tabs of a run's page."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runledger.server.desk import Desk
from runledger.studio.pages import Pages
from runledger.studio.run.frame import frame_of


def run_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where one run is shown and changed."""
    tabs = _Tabs(desk, pages)
    return [Route("/runs/{run_id}", tabs.overview), Route("/runs/{run_id}/head", tabs.head)]


class _Tabs:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def overview(self, request: Request) -> Response:
        """What the run is."""
        return self._pages.page(request, "run/overview.html", **await frame_of(self._desk, request))

    async def head(self, request: Request) -> Response:
        """Where the run stands: the part of each tab that changes while it runs."""
        return self._pages.page(request, "run/head.html", **await frame_of(self._desk, request))
