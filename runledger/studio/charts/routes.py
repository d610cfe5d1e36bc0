"""What a run logged, and the charts of several runs."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ledger.metrics import MetricSummary, Series, SeriesQuery
from ledger.queries import RunDocument
from projections.metrics.charting import Axis, ChartQuery
from projections.metrics.paging import MetricPage, MetricPageQuery
from runledger.server.desk import Desk
from runledger.studio.charts.comparing import RUNS, Compared, labels_of, scatter
from runledger.studio.charts.pins import pin, pins_of
from runledger.studio.charts.rows import Marks, cells, csv_of, csv_of_runs, marks
from runledger.studio.charts.showing import Shown, column_names, shown
from runledger.studio.charts.tiles import images_of, tiles
from runledger.studio.pages import Pages, is_part
from runledger.studio.past import moment_of, past_of
from runledger.studio.run.frame import frame_of

METRICS = 24
"""So many metrics are on a page of them."""
_ROWS = 100
_NAMES = 200
_CHARTS = 12
_LEAST_MARKS = 9


def chart_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where metrics, images and charts are."""
    one, several = _OfOneRun(desk, pages), _OfSeveral(desk, pages)
    return [
        Route("/runs/{run_id}/metrics", one.metrics),
        Route("/runs/{run_id}/metrics/table", one.table),
        Route("/runs/{run_id}/metrics/csv", one.csv),
        Route("/runs/{run_id}/media", one.media),
        Route("/charts/compare", several.compare),
        Route("/charts/table", several.table),
        Route("/charts/csv", several.csv),
        Route("/charts/pin", pin),
    ]


class _OfOneRun:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def metrics(self, request: Request) -> Response:
        """A page of the metrics of a run."""
        frame = await frame_of(self._desk, request)
        asked = request.query_params
        search, number = asked.get("search", "").strip(), _number(asked.get("page"))
        pins = pins_of(request)
        question = partial(self._listed, frame["run"]["run_id"], search, number, pins, moment_of(frame["past"]))
        page, pinned, found = await self._desk.in_thread(question)
        template = "charts/list.html" if is_part(request) else "charts/metrics.html"
        count = -(-page.found // METRICS)
        return self._pages.page(
            request, template, **frame, page=page, pinned=pinned, shown=found, search=search, number=number, pages=count
        )

    async def table(self, request: Request) -> Response:
        """A metric as a table: marks of a chart, or rows as they were logged."""
        frame = await frame_of(self._desk, request)
        name, number = request.query_params.get("name", ""), _number(request.query_params.get("page"))
        question = partial(self._table, frame["run"]["run_id"], name, number, moment_of(frame["past"]))
        found = await self._desk.in_thread(question)
        template = "charts/table.html" if is_part(request) else "charts/table_page.html"
        return self._pages.page(request, template, **frame, name=name, number=number, **found)

    async def csv(self, request: Request) -> Response:
        """Every point of a metric, as comma-separated values."""
        run_id, name = request.path_params["run_id"], request.query_params.get("name", "")
        question = SeriesQuery(run_id=run_id, name=name, as_of=moment_of(await past_of(self._desk, request)))
        found = await self._desk.in_thread(partial(self._desk.parts.metrics.series, question))
        if not found:
            raise HTTPException(404)
        return _download(f"{run_id}-{name}", csv_of(found[0]))

    async def media(self, request: Request) -> Response:
        """The images that were logged."""
        frame = await frame_of(self._desk, request)
        artifacts = await self._desk.ask(partial(self._desk.parts.queries.artifacts, frame["run"]["run_id"]))
        return self._pages.page(request, "charts/media.html", **frame, images=images_of(artifacts))

    def _listed(
        self, run_id: str, search: str, number: int, pins: Sequence[str], as_of: str | None
    ) -> tuple[MetricPage, list[str], list[Shown]]:
        parts = self._desk.parts
        query = MetricPageQuery(run_id=run_id, search=search, limit=METRICS, skip=(number - 1) * METRICS, as_of=as_of)
        page = parts.metrics.page(query)
        first: list[MetricSummary] = []
        if number == 1 and not search and pins:
            first = parts.metrics.named(run_id, pins, as_of)
        names = [each.name for each in first]
        metrics = [*first, *(each for each in page.metrics if each.name not in names)]
        artifacts = parts.queries.artifacts(run_id)
        return page, names, shown(parts.metrics, parts.files.contents, run_id, tiles(metrics, artifacts), as_of)

    def _table(self, run_id: str, name: str, number: int, as_of: str | None) -> dict[str, Any]:
        metrics = self._desk.parts.metrics
        query = SeriesQuery(run_id=run_id, name=name, as_of=as_of)
        series: Series = next(iter(metrics.series(query)), Series(name, "", [], [], []))
        count = len(series.times)
        summary = metrics.named(run_id, [name], as_of)
        if series.values is not None and count > _ROWS and summary and summary[0].minimum is not None:
            [chart] = metrics.charts(ChartQuery(run_ids=[run_id], names=[name], buckets=_ROWS, as_of=as_of))
            return {"marks": marks(chart, {}), "count": count, "several": False}
        start = (number - 1) * _ROWS
        rows = cells(series, start, start + _ROWS)
        return {"columns": column_names(series), "rows": rows, "count": count, "pages": -(-count // _ROWS)}


class _OfSeveral:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def compare(self, request: Request) -> Response:
        """Charts of metrics with a line a run, and one number of each run over another."""
        run_ids = list(dict.fromkeys(request.query_params.getlist("run")))[:RUNS]
        asked = request.query_params
        past = await past_of(self._desk, request)
        scattered = asked.get("x", ""), asked.get("y", "")
        question = partial(self._compared, run_ids, asked.getlist("name"), scattered, moment_of(past))
        found = await self._desk.ask(question)
        template = "charts/compared.html" if is_part(request) else "charts/compare_page.html"
        return self._pages.page(request, template, run_ids=run_ids, past=past, **found)

    async def table(self, request: Request) -> Response:
        """A chart of several runs as a table."""
        run_ids = list(dict.fromkeys(request.query_params.getlist("run")))[:RUNS]
        name = request.query_params.get("name", "")
        past = await past_of(self._desk, request)
        found = await self._desk.ask(partial(self._marks, run_ids, name, moment_of(past)))
        template = "charts/table.html" if is_part(request) else "charts/marks_page.html"
        return self._pages.page(request, template, name=name, marks=found, several=True, past=past)

    async def csv(self, request: Request) -> Response:
        """Every point of a metric of several runs, as comma-separated values."""
        run_ids = list(dict.fromkeys(request.query_params.getlist("run")))[:RUNS]
        name, metrics = request.query_params.get("name", ""), self._desk.parts.metrics
        as_of = moment_of(await past_of(self._desk, request))
        queries = [SeriesQuery(run_id=run_id, name=name, as_of=as_of) for run_id in run_ids]
        # One run at a time is read, as it is sent.
        found = ((query.run_id, each) for query in queries for each in metrics.series(query))
        return _download(name, csv_of_runs(found))

    def _compared(
        self, run_ids: Sequence[str], names: Sequence[str], scattered: tuple[str, str], as_of: str | None
    ) -> dict[str, Any]:
        parts = self._desk.parts
        runs = self._runs(run_ids, as_of)
        known = self._names(run_ids, as_of)
        chosen = [name for name in dict.fromkeys(names) if name][:_CHARTS] or known[:1]
        compared: Compared = scatter(runs, parts.metrics.last_values(run_ids, as_of), *scattered)
        running = [run["run_id"] for run in runs if not run["is_terminal"]]
        return {"labels": labels_of(runs), "running": running, "names": known, "chosen": chosen, "compared": compared}

    def _runs(self, run_ids: Sequence[str], as_of: str | None) -> list[RunDocument]:
        queries = self._desk.parts.queries
        return [queries.run(run_id) if as_of is None else queries.run_at(run_id, as_of) for run_id in run_ids]

    def _marks(self, run_ids: Sequence[str], name: str, as_of: str | None) -> Marks:
        runs = self._runs(run_ids, as_of)
        buckets = max(_ROWS // max(len(runs), 1), _LEAST_MARKS)
        query = ChartQuery(run_ids=run_ids, names=[name], axis=Axis.STEP, buckets=buckets, as_of=as_of)
        [chart] = self._desk.parts.metrics.charts(query)
        return marks(chart, labels_of(runs))

    def _names(self, run_ids: Sequence[str], as_of: str | None) -> list[str]:
        """Names of metrics with more than one number, those that most runs have first."""
        counts: dict[str, int] = {}
        for run_id in run_ids:
            page = self._desk.parts.metrics.page(MetricPageQuery(run_id=run_id, limit=_NAMES, as_of=as_of))
            for metric in page.metrics:
                if metric.count > 1 and (metric.minimum is not None or metric.kind in {"row", "table"}):
                    counts[metric.name] = counts.get(metric.name, 0) + 1
        return sorted(counts, key=lambda name: -counts[name])[:_NAMES]


def _download(name: str, content: Iterator[bytes]) -> Response:
    file = quote(f"{name.replace('/', '-')}.csv", safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{file}", "Cache-Control": "no-store"}
    return StreamingResponse(content, media_type="text/csv; charset=utf-8", headers=headers)


def _number(text: str | None) -> int:
    return min(int(text), 1_000_000) if text and text.isascii() and text.isdecimal() and int(text) else 1
