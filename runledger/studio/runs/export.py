"""A list as a file: every run of it, or those that are selected, as CSV or JSON lines."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ledger.filters import FILTER_VALUES, Filter, Operator
from ledger.problems import BadMessageError
from ledger.queries import RunDocument, RunQuery
from runledger.server.desk import Desk
from runledger.spreadsheet import lines_of
from runledger.studio.runs.address import ListAddress

MOST = 100_000
"""So many runs are in one file; more are for the command line."""

_PAGE = 500
_KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_FIELDS = {
    "started": "start_time_utc",
    "ended": "end_time_utc",
    "submitter": "created_by",
    "duration": "duration_seconds",
    "experiment": "experiment_name",
}
_PAIRS = {"tag": "tags", "property": "properties", "parameter": "parameters", "metric": "metrics"}


def export_routes(desk: Desk) -> Sequence[Route]:
    """Where lists are downloaded."""

    async def export(request: Request) -> Response:
        asked = request.query_params
        kind = asked.get("format", "csv")
        if kind not in _KINDS:
            raise BadMessageError(f"a list is written as {' or '.join(_KINDS)}, not {kind[:40]!r}")
        address = ListAddress.parse("/runs", asked)
        questions = list(_questions(address, asked.getlist("run")))
        lines = _csv(desk, questions, address.columns) if kind == "csv" else _jsonl(desk, questions)
        headers = {"Content-Disposition": f'attachment; filename="runs.{kind}"', "Cache-Control": "no-store"}
        return StreamingResponse(lines, media_type=_KINDS[kind], headers=headers)

    return [Route("/lists/export", export)]


def _questions(address: ListAddress, selected: Sequence[str]) -> Iterator[RunQuery]:
    """The list's own question; of selected runs, as many as a filter takes at a time."""
    query = replace(address.query(), limit=_PAGE, count=False, family=False)
    if not selected:
        yield query
    for start in range(0, len(selected), FILTER_VALUES):
        chosen = Filter("run_id", Operator.IS, tuple(selected[start : start + FILTER_VALUES]))
        yield replace(query, filters=(chosen,), search=None, include_children=True, include_archived=True)


async def _runs(desk: Desk, questions: Sequence[RunQuery]) -> AsyncIterator[list[RunDocument]]:
    many = 0
    for question in questions:
        query: RunQuery | None = question
        while query is not None and many < MOST:
            page = await desk.ask(partial(desk.parts.queries.runs, query))
            many += len(page.runs)
            yield page.runs
            query = replace(query, cursor=page.cursor) if page.cursor else None


async def _csv(desk: Desk, questions: Sequence[RunQuery], columns: Sequence[str]) -> AsyncIterator[bytes]:
    yield lines_of([["run_id", "name", *columns]])
    async for runs in _runs(desk, questions):
        yield lines_of([[run["run_id"], run["name"], *(_value(run, each) for each in columns)] for run in runs])


async def _jsonl(desk: Desk, questions: Sequence[RunQuery]) -> AsyncIterator[bytes]:
    async for runs in _runs(desk, questions):
        yield "".join(json.dumps(run) + "\n" for run in runs).encode()


def _value(run: RunDocument, column: str) -> Any:
    kind, _, key = column.partition(".")
    if key:
        return run.get(_PAIRS[kind], {}).get(key) if kind in _PAIRS else None
    if column == "children":
        return run.get("children", {}).get("count")
    found = run.get(_FIELDS.get(column, column))
    return json.dumps(found) if isinstance(found, dict) else found
