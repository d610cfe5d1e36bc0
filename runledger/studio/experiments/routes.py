"""The list of experiments."""

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.queries import ExperimentDocument
from runledger.server.desk import Desk
from runledger.studio.experiments.changing import changing_routes
from runledger.studio.pages import Pages, position_in
from runledger.studio.past import moment_of, past_of


def experiment_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where experiments are listed and changed."""

    async def experiments(request: Request) -> Response:
        """Those that are not archived, unless they are asked for; the liveliest first."""
        asked = request.query_params
        past = await past_of(desk, request)
        question = partial(desk.parts.queries.experiments, as_of=moment_of(past))
        found = await desk.ask(question, position_in(request))
        archived, search = asked.get("include_archived") == "true", asked.get("search", "").strip()
        shown = [each for each in found if (archived or not each["archived"]) and _matches(each, search)]
        shown.sort(key=lambda each: each["last_activity_utc"], reverse=True)
        return pages.page(
            request,
            "experiments/list.html",
            experiments=shown,
            none=not found and past is None,
            archived=archived,
            search=search,
            past=past,
        )

    return [Route("/experiments", experiments), *changing_routes(desk)]


def _matches(experiment: ExperimentDocument, search: str) -> bool:
    """Whether its name, description and tags have all words."""
    tags = " ".join(f"{key} {value or ''}" for key, value in experiment["tags"].items())
    text = f"{experiment['name']} {experiment.get('description') or ''} {tags}".casefold()
    return all(word in text for word in search.casefold().split())
