"""The routes of the HTTP API, on the parts of an open workspace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, Query, Response

from ledger.commands import Answer
from ledger.errors import UnavailableError
from ledger.liveness.hearing import Hearing
from ledger.metrics import MetricSummary, Series, Thinned
from ledger.problems import problem_of
from ledger.queries import ArtifactDocument, ExperimentDocument, HistoryEntry, Named, RunPage, Span, is_suppressed
from ledger.users.rights import Right, rights_of
from ledger.values.forms import series_to, summary_to, thinned_to
from ledger.wire import history_to
from runledger import VERSION
from runledger.server.asking import Asking
from runledger.server.charts import ChartsApi, charts_routes
from runledger.server.desk import Desk
from runledger.server.files import FilesApi, file_routes
from runledger.server.live.route import StreamApi, stream_routes
from runledger.server.live.stream import Stream
from runledger.server.messages import (
    AtLeast,
    CompareParameters,
    KeyParameters,
    RunParameters,
    SentBatch,
    SentCommand,
    SentCommands,
    SentMail,
    SentPresence,
    SentPreview,
    SeriesParameters,
    SeveralSeriesParameters,
    ThinnedParameters,
    ValueParameters,
)
from runledger.server.metrics import CONTENT_TYPE, Metrics
from runledger.server.openapi import (
    BATCH_BODY,
    BULK_BODY,
    BULK_REPLY,
    COMMAND_BODY,
    MAIL_BODY,
    PRESENCE_BODY,
    PREVIEW_BODY,
    PROBLEMS,
    TEXT_REPLY,
    add_schemas,
)
from runledger.server.replies import answer_problems, refusal, reply
from runledger.server.views import view_routes
from schemas.errors import LedgerError
from schemas.streams import experiment_stream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Position:
    """A log, and the position of its last accepted event that this server has read."""

    log: str
    position: int


@dataclass(frozen=True, slots=True)
class Me:
    """Who somebody is for the server, and what he may do."""

    user: str | None
    role: str
    email: str | None
    rights: list[Right]


class Api:
    """What each route does."""

    def __init__(self, desk: Desk, stream: Stream, hearing: Hearing, metrics: Metrics) -> None:
        """Answer from a desk; what writers say of themselves goes to `hearing`."""
        self._desk = desk
        self._parts = parts = desk.parts
        self._hearing = hearing
        self._metrics = metrics
        self.live = StreamApi(stream, parts.log.id, parts.values.check_run)
        self.charts = ChartsApi(desk)
        self.files = FilesApi(
            parts.files,
            admit=desk.admit,
            carry_out=desk.carry_out,
            listed=self._artifacts,
            printed=stream.note_output,
        )
        self.views = view_routes(lambda: parts.saved_views, self._answered)

    def command(self, command: SentCommand, visitor: Asking) -> Response:
        """Carry out one command; sent again with the same id, it is done once."""
        return reply(asdict(self._desk.carry_out(command, visitor)))

    def commands(self, commands: SentCommands, visitor: Asking) -> Response:
        """Carry out several commands in order, each by itself; repeating the request finishes what is missing."""
        results: list[dict[str, Any]] = []
        unavailable: UnavailableError | None = None
        for command in commands:
            try:
                if unavailable is not None:
                    raise unavailable
                results.append(asdict(self._desk.carry_out(command, visitor)))
            except LedgerError as error:
                # What is not there for one command is not tried for each of the others.
                unavailable = error if isinstance(error, UnavailableError) else None
                results.append({"problem": problem_of(error)})
        return reply({"results": results})

    def values(self, batch: SentBatch, visitor: Asking) -> Response:
        """Append a batch of logged values; of points that were sent before, one copy is kept."""
        self._desk.admit(visitor, Right.WRITE)
        place = self._parts.values.append(batch.run_id, batch.event(), batch.occurred_at, visitor.caller)
        return reply({"place": place})

    def presence(self, message: SentPresence, visitor: Asking) -> Response:
        """Take note of writers that are alive; which of their runs shall be canceled."""
        self._desk.admit(visitor, Right.WRITE)
        return reply({"canceled": self._hearing.hear(message.writers, message.left)})

    async def writer(self, run_id: str, writer: str) -> Response:
        """How far the ledger has what one writer logged to a run."""
        return reply({"last": await self._desk.in_thread(lambda: self._parts.values.shipped(run_id, writer))})

    async def run_metrics(self, run_id: str, asked: Annotated[SeriesParameters, Query()]) -> Response:
        """The metrics of a run in short: last points and bounds."""
        at_least = asked.values_at_least
        question = self._of_run(run_id, lambda: self._parts.metrics.summaries(run_id, at_least=at_least))
        return reply([summary_to(each) for each in await self._answered_values(asked, question)])

    async def series(self, run_id: str, asked: Annotated[SeriesParameters, Query()]) -> Response:
        """Logged points with their steps and times."""
        query, at_least = asked.query(run_id), asked.values_at_least
        question = self._of_run(run_id, lambda: self._parts.metrics.series(query, at_least=at_least))
        found = await self._answered_values(asked, question)
        return await self._desk.in_thread(lambda: reply([series_to(each) for each in found]))

    async def several_series(self, asked: Annotated[SeveralSeriesParameters, Query()]) -> Response:
        """Logged points of several runs, by run id."""
        await self._desk.arrived(asked.values_at_least)
        found = await self._answered(asked, partial(self._series_of, asked))
        forms = {run_id: [series_to(each) for each in series] for run_id, series in found.items()}
        return await self._desk.in_thread(lambda: reply(forms))

    async def thinned(self, run_id: str, asked: Annotated[ThinnedParameters, Query()]) -> Response:
        """Logged points thinned to so many marks for a chart, each with its bounds and mean."""
        query, at_least, buckets = asked.query(run_id), asked.values_at_least, asked.buckets
        question = self._of_run(run_id, lambda: self._parts.metrics.thinned(query, buckets=buckets, at_least=at_least))
        return reply([thinned_to(each) for each in await self._answered_values(asked, question)])

    async def compared(self, asked: Annotated[CompareParameters, Query()]) -> Response:
        """Two runs or more, field by field: what tells them apart first."""
        question = partial(self._parts.queries.compared, asked.run_id, at_least=asked.at_least)
        return reply(await self._answered(asked, question))

    async def runs(self, asked: Annotated[RunParameters, Query()]) -> Response:
        """A page of runs, newest start first."""
        page = await self._answered(asked, lambda: self._parts.queries.runs(asked.query(), at_least=asked.at_least))
        return reply(asdict(page))

    async def run(self, run_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """One run."""
        found = await self._answered(asked, lambda: self._parts.queries.run(run_id, at_least=asked.at_least))
        return reply(found, position=found["last_position"])

    async def keys(self, asked: Annotated[KeyParameters, Query()]) -> Response:
        """Keys of tags, properties, parameters or metrics to choose from, by name, each with its number of runs."""
        return await self._named(asked)

    async def key_values(self, asked: Annotated[ValueParameters, Query()]) -> Response:
        """Values of a key to choose from, by text, each with its number of runs."""
        return await self._named(asked)

    async def _named(self, asked: KeyParameters) -> Response:
        question = partial(self._parts.queries.keys, asked.query(), at_least=asked.at_least)
        return reply([asdict(each) for each in await self._answered(asked, question)])

    async def experiments(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every experiment that is not deleted by name, archived ones too."""
        return reply(await self._answered(asked, lambda: self._parts.queries.experiments(at_least=asked.at_least)))

    async def experiment(self, name: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """One experiment."""
        position, found = await self._answered(asked, partial(self._experiment, name, asked.at_least))
        return reply(found, position=position)

    async def history(self, run_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every event of a run, with what it changed."""
        entries = await self._answered(asked, lambda: self._parts.queries.history(run_id, at_least=asked.at_least))
        return reply(history_to(entries))

    async def rules(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every alert rule that is not deleted, by name."""
        return reply(await self._answered(asked, self._parts.alerts.rules))

    async def rule(self, rule_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """One alert rule."""
        found = await self._answered(asked, lambda: self._parts.alerts.rule(rule_id))
        return reply(found, position=found["last_position"])

    async def deliveries(self, rule_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """What was claimed of a rule's notifications and what came of it, oldest first."""
        return reply(await self._answered(asked, lambda: self._parts.alerts.deliveries(rule_id)))

    async def rule_changes(self, rule_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """Who changed what of an alert rule, when and why, oldest first."""
        return reply(await self._answered(asked, lambda: self._parts.alerts.rule_changes(rule_id)))

    async def silences(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every silence, those that are over too, the newest first."""
        return reply(await self._answered(asked, self._parts.alerts.silences))

    async def explained(self, run_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """Why each alert rule did or did not tell of a run."""
        return reply(await self._answered(asked, lambda: self._parts.alerts.explain(run_id)))

    async def preview(self, asked: SentPreview) -> Response:
        """What a rule would have sent, or a draft in its place."""
        span = Span(since=asked.since, until=asked.until)
        question = partial(self._parts.alerts.preview, asked.rule_id, asked.draft, span)
        return reply(await self._answered(asked, question))

    async def notifications_health(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """What waits to be sent, since when, and why."""
        return reply(await self._answered(asked, self._parts.alerts.health))

    async def recipients(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every recipient that unsubscribed or is suppressed because mail came back, by address."""
        return reply(await self._answered(asked, self._parts.alerts.recipients))

    def bounce(self, content: SentMail, visitor: Asking, recipient: str | None = None) -> Response:
        """Take in a mail that came back; `recipient` is where it was delivered, if its headers do not say so."""
        self._desk.admit(visitor, Right.WRITE)
        found, command = self._parts.bounces.judge(content, recipient)
        if command is not None:
            self._desk.carry_out(command, visitor)
        suppressed = command is not None and is_suppressed(self._parts.alerts.recipients(), command.recipient)
        return reply(found | {"suppressed": suppressed})

    async def users(self, asked: Annotated[AtLeast, Query()], visitor: Asking) -> Response:
        """Every user by name, disabled ones too; for an admin."""
        visitor.check(Right.ADMIN)
        return reply(await self._answered(asked, self._parts.users.users))

    async def tokens(self, asked: Annotated[AtLeast, Query()], visitor: Asking) -> Response:
        """Every token in the order of issue, never the token itself; for an admin."""
        visitor.check(Right.ADMIN)
        return reply(await self._answered(asked, self._parts.users.tokens))

    async def me(self, visitor: Asking) -> Response:
        """Who the server takes the sender for; `user` is null as long as it asks nobody for a token."""
        rights = [right for right in Right if right in rights_of(visitor.role)]
        found = Me(visitor.caller.actor if visitor.known else None, visitor.role, visitor.email, rights)
        return reply(asdict(found))

    async def positions(self) -> Response:
        """How far this server has read its log."""
        position = await self._desk.in_thread(self._parts.feed.last_position)
        return reply(asdict(Position(self._parts.log.id, position)))

    async def metrics(self) -> Response:
        """Figures for Prometheus."""
        return Response(await self._desk.in_thread(self._metrics.text), media_type=CONTENT_TYPE)

    async def _artifacts(self, asked: AtLeast, run_id: str, prefixes: list[str]) -> list[ArtifactDocument]:
        question = partial(self._parts.queries.artifacts, run_id, prefixes, at_least=asked.at_least)
        return await self._answered(asked, question)

    async def _answered(self, asked: AtLeast, question: Callable[[], T]) -> T:
        return await self._desk.ask(question, asked.at_least)

    def _experiment(self, name: str, at_least: int) -> tuple[int, ExperimentDocument]:
        self._parts.queries.experiment(name, at_least=at_least)
        # Asked before the answer: a position that is newer than the answer would hide a change.
        position = self._parts.feed.position_of(experiment_stream(self._parts.log.id, name))
        return position, self._parts.queries.experiment(name, at_least=max(at_least, position))

    def _series_of(self, asked: SeveralSeriesParameters) -> Mapping[str, Sequence[Series]]:
        for run_id in asked.run_id:
            self._parts.values.check_run(run_id)
        return self._parts.metrics.series_of(asked.run_id, asked.name, at_least=max(asked.values_at_least, default=0))

    def _of_run(self, run_id: str, question: Callable[[], T]) -> Callable[[], T]:
        def answer() -> T:
            self._parts.values.check_run(run_id)
            return question()

        return answer

    async def _answered_values(self, asked: SeriesParameters, question: Callable[[], T]) -> T:
        """As `_answered`, waiting for the values log too."""
        await self._desk.arrived([asked.values_at_least])
        return await self._answered(asked, question)


def build(
    api: Api, closed: Callable[[], LedgerError | None], *, pages: Sequence[APIRouter] = (), routes: bool = True
) -> FastAPI:
    """The application; `closed` says why the server is not ready, if so. Without `routes` it tells its health alone.

    `pages` are for people, beside the API.
    """
    app = FastAPI(
        title="run ledger",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if routes else None,
        redirect_slashes=False,
        responses=PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
    )
    answer_problems(app)
    if routes:
        for part in (_routes(api), *pages):
            app.include_router(part)
    app.include_router(_health(api, closed))
    add_schemas(app)
    return app


def _routes(api: Api) -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["ledger"])
    routes.post("/commands", response_model=Answer, openapi_extra=COMMAND_BODY)(api.command)
    routes.post("/commands/bulk", openapi_extra=BULK_BODY, **BULK_REPLY)(api.commands)
    routes.post("/values", response_model=dict[str, int], openapi_extra=BATCH_BODY)(api.values)
    routes.post("/presence", response_model=dict[str, list[str]], openapi_extra=PRESENCE_BODY)(api.presence)
    routes.get("/runs", response_model=RunPage)(api.runs)
    routes.get("/runs/{run_id}", response_model=dict[str, Any])(api.run)
    routes.get("/runs/{run_id}/history", response_model=list[HistoryEntry])(api.history)
    routes.get("/runs/{run_id}/writers/{writer}", response_model=dict[str, int])(api.writer)
    routes.get("/runs/{run_id}/metrics", response_model=list[MetricSummary])(api.run_metrics)
    routes.get("/runs/{run_id}/series", response_model=list[Series])(api.series)
    routes.get("/runs/{run_id}/thinned", response_model=list[Thinned])(api.thinned)
    routes.get("/series", response_model=dict[str, list[Series]])(api.several_series)
    routes.get("/compare", response_model=list[dict[str, Any]])(api.compared)
    routes.get("/keys", response_model=list[Named])(api.keys)
    routes.get("/keys/values", response_model=list[Named])(api.key_values)
    routes.get("/experiments", response_model=list[dict[str, Any]])(api.experiments)
    routes.get("/experiments/{name}", response_model=dict[str, Any])(api.experiment)
    routes.get("/rules", response_model=list[dict[str, Any]])(api.rules)
    routes.get("/rules/{rule_id}", response_model=dict[str, Any])(api.rule)
    routes.get("/rules/{rule_id}/deliveries", response_model=list[dict[str, Any]])(api.deliveries)
    routes.get("/rules/{rule_id}/changes", response_model=list[dict[str, Any]])(api.rule_changes)
    routes.get("/silences", response_model=list[dict[str, Any]])(api.silences)
    routes.get("/runs/{run_id}/alerts", response_model=list[dict[str, Any]])(api.explained)
    routes.post("/preview", response_model=list[dict[str, Any]], openapi_extra=PREVIEW_BODY)(api.preview)
    routes.get("/notifications/health", response_model=dict[str, Any])(api.notifications_health)
    routes.get("/recipients", response_model=list[dict[str, Any]])(api.recipients)
    routes.post("/bounces", response_model=dict[str, Any], openapi_extra=MAIL_BODY)(api.bounce)
    routes.get("/users", response_model=list[dict[str, Any]])(api.users)
    routes.get("/tokens", response_model=list[dict[str, Any]])(api.tokens)
    routes.include_router(charts_routes(api.charts))
    routes.include_router(file_routes(api.files))
    routes.include_router(stream_routes(api.live))
    routes.include_router(api.views)
    routes.get("/me", response_model=Me)(api.me)
    routes.get("/positions", response_model=Position)(api.positions)
    return routes


def _health(api: Api, closed: Callable[[], LedgerError | None]) -> APIRouter:
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

    routes.get("/metrics", **TEXT_REPLY)(api.metrics)
    return routes
