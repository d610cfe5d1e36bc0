"""The HTTP API: its areas, and the server's health."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, FastAPI, Response

from ledger.liveness.hearing import Hearing
from runledger import VERSION
from runledger.server.desk import Desk
from runledger.server.live.route import StreamApi, stream_routes
from runledger.server.live.stream import Stream
from runledger.server.metrics import CONTENT_TYPE
from runledger.server.openapi import PROBLEMS, TEXT_REPLY, add_schemas
from runledger.server.replies import answer_problems, refusal, reply
from runledger.server.routes.audit import audit_routes
from runledger.server.routes.charts import ChartsApi, charts_routes
from runledger.server.routes.commands import command_routes
from runledger.server.routes.files import FilesApi, file_routes
from runledger.server.routes.rules import rule_routes
from runledger.server.routes.runs import run_routes
from runledger.server.routes.state import state_routes
from runledger.server.routes.tables import table_routes
from runledger.server.routes.values import value_routes
from runledger.server.routes.views import view_routes
from schemas.errors import LedgerError


def areas_of(desk: Desk, stream: Stream, hearing: Hearing) -> list[APIRouter]:
    """The routes of each area; what writers say of themselves goes to `hearing`."""
    parts = desk.parts
    return [
        command_routes(desk),
        value_routes(desk, hearing),
        run_routes(desk),
        rule_routes(desk),
        charts_routes(ChartsApi(desk)),
        file_routes(FilesApi(desk, printed=stream.note_output)),
        stream_routes(StreamApi(stream, parts.log.id, parts.values.check_run)),
        view_routes(desk),
        audit_routes(desk),
        table_routes(desk),
        state_routes(desk),
    ]


def build(
    areas: Sequence[APIRouter],
    metrics: Callable[[], Awaitable[bytes]],
    closed: Callable[[], LedgerError | None],
    *,
    pages: Sequence[APIRouter] = (),
) -> FastAPI:
    """The application; `closed` says why the server is not ready, if so. Without `areas` it tells its health alone.

    `metrics` are for Prometheus, `pages` for people, beside the API.
    """
    app = FastAPI(
        title="run ledger",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if areas else None,
        redirect_slashes=False,
        responses=PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
    )
    answer_problems(app)
    for area in areas:
        app.include_router(area, prefix="/api/v1", tags=["ledger"])
    for page in pages:
        app.include_router(page)
    app.include_router(_health(metrics, closed))
    add_schemas(app)
    return app


def _health(metrics: Callable[[], Awaitable[bytes]], closed: Callable[[], LedgerError | None]) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get("/livez", response_model=dict[str, str])
    async def livez() -> Response:
        """The process answers."""
        return reply({"status": "alive"})

    @routes.get("/readyz", response_model=dict[str, str])
    async def readyz() -> Response:
        """The server has read its log, and is not about to stop."""
        error = closed()
        return reply({"status": "ready"}) if error is None else refusal(error)

    @routes.get("/metrics", **TEXT_REPLY, name="metrics")
    async def figures() -> Response:
        """Figures for Prometheus."""
        return Response(await metrics(), media_type=CONTENT_TYPE)

    return routes
