"""The route for charts: few marks for any number of points, of one run or of many."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ledger.queries import began_at
from projections.metrics.charting import Axis, Chart, ChartQuery, Scale, chart_to
from runledger.server.desk import Desk
from runledger.server.messages import BUCKETS, RUNS_AT_ONCE, LedgerMoment
from runledger.server.replies import JSON

CHARTS_AT_ONCE = 50


class ChartParameters(LedgerMoment):
    """Charts of which metrics and runs; `first` and `last` are included: steps, or microseconds on a time axis."""

    run_id: Annotated[list[str], Field(min_length=1, max_length=RUNS_AT_ONCE)]
    name: Annotated[list[str], Field(min_length=1, max_length=CHARTS_AT_ONCE)]
    values_at_least: tuple[Annotated[int, Field(ge=0, lt=2**62)], ...] = ()
    buckets: Annotated[int, Field(ge=1, le=BUCKETS)] = 500
    axis: Axis = Axis.STEP
    scale: Scale = Scale.LINEAR
    first: Annotated[int, Field(gt=-(2**63), lt=2**63)] | None = None
    last: Annotated[int, Field(gt=-(2**63), lt=2**63)] | None = None

    def query(self, began: Mapping[str, int]) -> ChartQuery:
        """The question; `began` tells when each run started, in microseconds since 1970."""
        return ChartQuery(
            run_ids=list(dict.fromkeys(self.run_id)),
            names=list(dict.fromkeys(self.name)),
            axis=self.axis,
            scale=self.scale,
            first=self.first,
            last=self.last,
            began=began,
            buckets=self.buckets,
            as_of=self.as_of,
        )


class ChartsApi:
    """What the route does."""

    def __init__(self, desk: Desk) -> None:
        """Answer from a desk."""
        self._desk = desk

    async def charts(self, asked: Annotated[ChartParameters, Query()]) -> Response:
        """Logged points of several runs as charts, one a metric: marks that its lines share, of all of their points."""
        await self._desk.arrived(asked.values_at_least)
        content = await self._desk.ask(partial(self._content, asked), asked.at_least)
        return Response(content, media_type=JSON)

    def _content(self, asked: ChartParameters) -> bytes:
        found = [chart_to(chart) for chart in self._charts(asked)]
        return json.dumps(found, separators=(",", ":"), allow_nan=False).encode()

    def _charts(self, asked: ChartParameters) -> Sequence[Chart]:
        parts = self._desk.parts
        for run_id in asked.run_id:
            parts.values.check_run(run_id)
        began: dict[str, int] = {}
        if asked.axis == Axis.RELATIVE_TIME:
            began = began_at(parts.queries.run(run_id, at_least=asked.at_least) for run_id in asked.run_id)
        return parts.metrics.charts(asked.query(began), at_least=max(asked.values_at_least, default=0))


def charts_routes(api: ChartsApi) -> APIRouter:
    """The route, below those of the API."""
    routes = APIRouter()
    routes.get("/thinned", response_model=list[Chart], name="charts")(api.charts)
    return routes
