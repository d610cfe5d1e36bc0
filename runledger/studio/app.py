"""The application of the pages, beside that of the API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from runledger.server.desk import Desk
from runledger.server.logins import Logins
from runledger.studio.alerts.routes import alert_routes
from runledger.studio.assets import PREFIX, Assets
from runledger.studio.charts.routes import chart_routes
from runledger.studio.compare.routes import compare_routes
from runledger.studio.errors import ErrorPages
from runledger.studio.experiments.routes import experiment_routes
from runledger.studio.ledger.routes import ledger_routes
from runledger.studio.login import LoginPages
from runledger.studio.look import choose
from runledger.studio.manual.routes import manual_routes
from runledger.studio.outputs.routes import output_routes
from runledger.studio.pages import Pages
from runledger.studio.run.routes import run_routes
from runledger.studio.runs.bulk import bulk_routes
from runledger.studio.runs.export import export_routes
from runledger.studio.runs.routes import run_list_routes
from runledger.studio.users.routes import user_routes
from runledger.studio.views.routes import view_routes
from runledger.wiring import now, place_of


def studio(desk: Desk, logins: Logins, description: Callable[[], Mapping[str, Any]]) -> ASGIApp:
    """Every page, on the parts that the desk works with; people are let in by `logins`, `description` is the API's."""
    assets = Assets()
    place = place_of(desk.parts.folder, desk.parts.log_address).workspace
    pages = Pages(assets, place, desk.parts.feed.last_position, now)
    areas: Sequence[Sequence[BaseRoute]] = (
        LoginPages(logins, pages.page).routes(),
        run_list_routes(desk, pages),
        export_routes(desk),
        view_routes(desk, pages),
        compare_routes(desk, pages),
        run_routes(desk, pages),
        bulk_routes(desk, pages),
        experiment_routes(desk, pages),
        chart_routes(desk, pages),
        output_routes(desk, pages),
        alert_routes(desk, pages),
        ledger_routes(desk, pages),
        user_routes(desk, pages),
        manual_routes(pages, description),
    )
    routes = [
        Route("/", _first),
        Route(PREFIX + "{name}", assets.serve),
        Route("/look", choose),
        *(route for area in areas for route in area),
    ]
    errors = ErrorPages(pages)
    return errors.before(Starlette(routes=routes, exception_handlers=dict(errors.handlers())))


async def _first(_: Request) -> Response:
    return RedirectResponse("/runs", 303)
