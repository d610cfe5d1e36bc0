"""The list of experiments."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runledger.server.desk import Desk
from runledger.studio.pages import Pages


def experiment_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where experiments are listed."""

    async def experiments(request: Request) -> Response:
        found = await desk.ask(desk.parts.queries.experiments)
        return pages.page(request, "experiments/list.html", experiments=found)

    return [Route("/experiments", experiments)]
