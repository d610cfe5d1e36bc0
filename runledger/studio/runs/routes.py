"""The list of all runs."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.queries import RunQuery
from runledger.server.desk import Desk
from runledger.studio.pages import Pages, is_part


def run_list_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where runs are listed."""
    lists = _RunLists(desk, pages)
    return [Route("/runs", lists.runs)]


class _RunLists:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def runs(self, request: Request) -> Response:
        """All runs, or those that the address asks for."""
        asked = request.query_params
        query = RunQuery(search=asked.get("search") or None, cursor=asked.get("cursor") or None)
        page = await self._desk.ask(lambda: self._desk.parts.queries.runs(query))
        template = "runs/rows.html" if is_part(request) and query.cursor else "runs/list.html"
        return self._pages.page(request, template, page=page, query=query)
