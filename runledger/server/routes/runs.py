"""Runs and experiments."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from ledger.queries import ExperimentDocument, HistoryEntry, Named, RunPage
from ledger.wire import history_to
from runledger.server.desk import Desk
from runledger.server.messages import (
    AtLeast,
    CompareParameters,
    KeyParameters,
    LedgerMoment,
    RunMoment,
    RunParameters,
    ValueParameters,
)
from runledger.server.replies import reply
from schemas.streams import experiment_stream

T = TypeVar("T")


class RunsApi:
    """Answers about runs and experiments."""

    def __init__(self, desk: Desk) -> None:
        """Answer from a desk."""
        self._desk = desk
        self._parts = desk.parts

    async def runs(self, asked: Annotated[RunParameters, Query()]) -> Response:
        """A page of runs, newest start first."""
        page = await self._answered(asked, lambda: self._parts.queries.runs(asked.query(), at_least=asked.at_least))
        return reply(asdict(page))

    async def run(self, run_id: str, asked: Annotated[RunMoment, Query()]) -> Response:
        """One run, as it is or as it was at a moment."""
        if asked.as_of is not None:
            question = partial(self._parts.queries.run_at, run_id, asked.as_of, at_least=asked.at_least)
            return reply(await self._answered(asked, question))
        found = await self._answered(asked, lambda: self._parts.queries.run(run_id, at_least=asked.at_least))
        return reply(found, position=found["last_position"])

    async def history(self, run_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every event of a run, with what it changed."""
        entries = await self._answered(asked, lambda: self._parts.queries.history(run_id, at_least=asked.at_least))
        return reply(history_to(entries))

    async def compared(self, asked: Annotated[CompareParameters, Query()]) -> Response:
        """Two runs or more, field by field: what tells them apart first; as they are or as they were at a moment."""
        question = partial(self._parts.queries.compared, asked.run_id, as_of=asked.as_of, at_least=asked.at_least)
        return reply(await self._answered(asked, question))

    async def keys(self, asked: Annotated[KeyParameters, Query()]) -> Response:
        """Keys of tags, properties, parameters or metrics to choose from, by name, each with its number of runs."""
        return await self._named(asked)

    async def key_values(self, asked: Annotated[ValueParameters, Query()]) -> Response:
        """Values of a key to choose from, by text, each with its number of runs."""
        return await self._named(asked)

    async def experiments(self, asked: Annotated[LedgerMoment, Query()]) -> Response:
        """Every experiment that is not deleted by name, archived ones too, as they are or as they were at a moment."""
        question = partial(self._parts.queries.experiments, as_of=asked.as_of, at_least=asked.at_least)
        return reply(await self._answered(asked, question))

    async def experiment(self, name: str, asked: Annotated[LedgerMoment, Query()]) -> Response:
        """One experiment, as it is or as it was at a moment."""
        if asked.as_of is not None:
            then = partial(self._parts.queries.experiment, name, as_of=asked.as_of, at_least=asked.at_least)
            return reply(await self._answered(asked, then))
        position, found = await self._answered(asked, partial(self._experiment, name, asked.at_least))
        return reply(found, position=position)

    async def _named(self, asked: KeyParameters) -> Response:
        question = partial(self._parts.queries.keys, asked.query(), at_least=asked.at_least)
        return reply([asdict(each) for each in await self._answered(asked, question)])

    async def _answered(self, asked: AtLeast, question: Callable[[], T]) -> T:
        return await self._desk.ask(question, asked.at_least)

    def _experiment(self, name: str, at_least: int) -> tuple[int, ExperimentDocument]:
        self._parts.queries.experiment(name, at_least=at_least)
        # Asked before the answer: a position that is newer than the answer would hide a change.
        position = self._parts.feed.position_of(experiment_stream(self._parts.log.id, name))
        return position, self._parts.queries.experiment(name, at_least=max(at_least, position))


def run_routes(desk: Desk) -> APIRouter:
    """Where runs are asked for."""
    api = RunsApi(desk)
    routes = APIRouter()
    routes.get("/runs", response_model=RunPage)(api.runs)
    routes.get("/runs/{run_id}", response_model=dict[str, Any])(api.run)
    routes.get("/runs/{run_id}/history", response_model=list[HistoryEntry])(api.history)
    routes.get("/compare", response_model=list[dict[str, Any]])(api.compared)
    routes.get("/keys", response_model=list[Named])(api.keys)
    routes.get("/keys/values", response_model=list[Named])(api.key_values)
    routes.get("/experiments", response_model=list[dict[str, Any]])(api.experiments)
    routes.get("/experiments/{name}", response_model=dict[str, Any])(api.experiment)
    return routes
