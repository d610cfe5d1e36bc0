"""The tabs of a run's page, and where its forms go."""

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runledger.server.desk import Desk
from runledger.studio.pages import Pages
from runledger.studio.past import moment_of
from runledger.studio.run.changing import changing_routes
from runledger.studio.run.editing import Editing
from runledger.studio.run.frame import frame_of
from runledger.studio.run.overview import Overview
from runledger.studio.run.past import history_of
from runledger.studio.run.snapshot import Snapshots
from runledger.studio.run.telling import rules_about
from runledger.studio.run.tree import branch_of

_DEPTH_DIGITS = 3


def run_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where one run is shown and changed."""
    overview, tabs = Overview(desk, pages), _Tabs(desk, pages)
    editing, snapshots = Editing(desk, pages), Snapshots(desk, pages)
    return [
        Route("/runs/{run_id}", overview.show),
        Route("/runs/{run_id}/head", tabs.head),
        Route("/runs/{run_id}/children", tabs.children),
        Route("/runs/{run_id}/history", tabs.history),
        Route("/runs/{run_id}/alerts", tabs.alerts),
        Route("/runs/{run_id}/snapshot", snapshots.show),
        Route("/runs/{run_id}/snapshot/download", snapshots.download),
        Route("/runs/{run_id}/edit", editing.form, methods=["GET"]),
        Route("/runs/{run_id}/edit", editing.save, methods=["POST"]),
        Route("/runs/{run_id}/preview", editing.preview, methods=["POST"]),
        *changing_routes(desk, overview),
    ]


class _Tabs:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def head(self, request: Request) -> Response:
        """Where the run stands: the part of each tab that changes while it runs."""
        return self._pages.page(request, "run/head_now.html", **await frame_of(self._desk, request))

    async def children(self, request: Request) -> Response:
        """The tree below the run; with `depth`, rows to be put below a row of it."""
        asked, queries = request.query_params, self._desk.parts.queries
        depth, cursor = asked.get("depth", ""), asked.get("cursor") or None
        below = int(depth) if depth.isdecimal() and len(depth) <= _DEPTH_DIGITS else 0
        frame = await frame_of(self._desk, request)
        as_of = moment_of(frame["past"])
        question = partial(branch_of, queries.runs, request.path_params["run_id"], below, cursor, as_of)
        template = "run/branch.html" if depth else "run/children.html"
        return self._pages.page(request, template, **frame, branch=await self._desk.ask(question))

    async def history(self, request: Request) -> Response:
        """Every event, and the run as of one of them."""
        frame = await frame_of(self._desk, request)
        shown = await history_of(self._desk, request, frame["run"])
        return self._pages.page(request, "run/history.html", **(frame | shown))

    async def alerts(self, request: Request) -> Response:
        """Which rules told of the run, and why not: asked for apart, since all events are read for it."""
        frame = await frame_of(self._desk, request)
        asked = "reasons" in request.query_params
        rules = await rules_about(self._desk, frame["run"]["run_id"], frame["at"]) if asked else None
        return self._pages.page(request, "run/alerts.html", **frame, rules=rules)
