"""The page that compares runs: what tells them apart first, then their charts."""

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.queries import RUNS_COMPARED, Compared, RunDocument
from runledger.server.desk import Desk
from runledger.studio.pages import Pages
from runledger.studio.past import moment_of, past_of


def compare_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where runs are compared."""

    def compared(run_ids: Sequence[str], as_of: str | None) -> tuple[list[RunDocument], list[Compared]]:
        queries = desk.parts.queries
        runs = [queries.run(run_id) if as_of is None else queries.run_at(run_id, as_of) for run_id in run_ids]
        return runs, queries.compared(run_ids, as_of=as_of)

    async def compare(request: Request) -> Response:
        """Up to so many runs; fewer than two are asked to be chosen."""
        asked = request.query_params
        run_ids = [run_id for run_id in dict.fromkeys(asked.getlist("run")) if run_id]
        if len(run_ids) < 2:  # noqa: PLR2004 - one run has nothing to be compared with
            return pages.page(request, "compare/choose.html", run_ids=run_ids, most=RUNS_COMPARED)
        past = await past_of(desk, request)
        runs, rows = await desk.ask(partial(compared, run_ids, moment_of(past)))
        everything = asked.get("all") == "1"
        shown = [row for row in rows if everything or row["differs"]]
        return pages.page(
            request,
            "compare/page.html",
            runs=runs,
            run_ids=run_ids,
            rows=shown,
            hidden=len(rows) - len(shown),
            everything=everything,
            address_of=_address_of,
            past=past,
            kept=_address_of(run_ids, everything=everything).partition("?")[2],
        )

    return [Route("/compare", compare)]


def _address_of(run_ids: Sequence[str], without: str = "", *, everything: bool = False) -> str:
    parts = [("run", run_id) for run_id in run_ids if run_id != without]
    return "/compare?" + urlencode(parts + ([("all", "1")] if everything else []))
