"""Logged values: sent by writers, asked for by everybody."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Response

from ledger.application.refusing import Attempt
from ledger.liveness.hearing import Hearing
from ledger.metrics import MetricSummary, Series, Thinned
from ledger.users.rights import Right
from ledger.values.forms import series_to, summary_to, thinned_to
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import (
    AtLeast,
    SentBatch,
    SentPresence,
    SeriesParameters,
    SeveralSeriesParameters,
    ThinnedParameters,
)
from runledger.server.openapi import BATCH_BODY, PRESENCE_BODY
from runledger.server.replies import reply
from schemas.streams import run_stream

T = TypeVar("T")


class ValuesApi:
    """Takes in values and presence, and answers about metrics."""

    def __init__(self, desk: Desk, hearing: Hearing) -> None:
        """Answer from a desk; what writers say of themselves goes to `hearing`."""
        self._desk = desk
        self._parts = desk.parts
        self._hearing = hearing

    def values(self, batch: SentBatch, visitor: Asking) -> Response:
        """Append a batch of logged values; of points that were sent before, one copy is kept."""
        self._desk.admit(visitor, Right.WRITE, Attempt("log-values", run_stream(batch.run_id)))
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
        ask = partial(self._parts.metrics.summaries, run_id, as_of=asked.as_of, at_least=at_least)
        question = self._of_run(run_id, ask)
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

    async def _answered(self, asked: AtLeast, question: Callable[[], T]) -> T:
        return await self._desk.ask(question, asked.at_least)

    def _series_of(self, asked: SeveralSeriesParameters) -> Mapping[str, Sequence[Series]]:
        for run_id in asked.run_id:
            self._parts.values.check_run(run_id)
        at_least = max(asked.values_at_least, default=0)
        return self._parts.metrics.series_of(asked.run_id, asked.name, as_of=asked.as_of, at_least=at_least)

    def _of_run(self, run_id: str, question: Callable[[], T]) -> Callable[[], T]:
        def answer() -> T:
            self._parts.values.check_run(run_id)
            return question()

        return answer

    async def _answered_values(self, asked: SeriesParameters, question: Callable[[], T]) -> T:
        """As `_answered`, waiting for the values log too."""
        await self._desk.arrived([asked.values_at_least])
        return await self._answered(asked, question)


def value_routes(desk: Desk, hearing: Hearing) -> APIRouter:
    """Where values are sent and asked for."""
    api = ValuesApi(desk, hearing)
    routes = APIRouter()
    routes.post("/values", response_model=dict[str, int], openapi_extra=BATCH_BODY)(api.values)
    routes.post("/presence", response_model=dict[str, list[str]], openapi_extra=PRESENCE_BODY)(api.presence)
    routes.get("/runs/{run_id}/writers/{writer}", response_model=dict[str, int])(api.writer)
    routes.get("/runs/{run_id}/metrics", response_model=list[MetricSummary])(api.run_metrics)
    routes.get("/runs/{run_id}/series", response_model=list[Series])(api.series)
    routes.get("/series", response_model=dict[str, list[Series]])(api.several_series)
    routes.get("/runs/{run_id}/thinned", response_model=list[Thinned])(api.thinned)
    return routes
