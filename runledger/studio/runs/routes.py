"""The lists of runs: all, those of an experiment, and what is done to several at once."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.filters import Filter, Operator
from ledger.queries import KeyQuery
from runledger.server.desk import Desk
from runledger.studio.pages import Pages, is_part, position_in
from runledger.studio.past import moment_of, past_of
from runledger.studio.runs.address import PLAIN_COLUMNS, ListAddress
from runledger.studio.runs.extremes import extremes_of, metrics_in
from runledger.studio.runs.fields import FIELDS, FilterDraft
from runledger.studio.views.asking import view_of
from schemas.errors import LedgerError


def run_list_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where runs are listed, and found."""
    lists = _RunLists(desk, pages)
    return [
        Route("/runs", lists.runs),
        Route("/lists/filter", lists.filter),
        Route("/lists/choices", lists.choices),
        Route("/lists/columns", lists.columns),
        Route("/experiments/{name}", lists.experiment),
    ]


class _RunLists:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def runs(self, request: Request) -> Response:
        """All runs, or those that the address asks for."""
        address = ListAddress.parse("/runs", request.query_params)
        view = await view_of(self._desk, request, address.view, address.as_of or None) if address.view else None
        return await self._list(request, address, "runs/list.html", view=view)

    async def experiment(self, request: Request) -> Response:
        """The runs of one experiment; raises ExperimentNotFoundError."""
        name = request.path_params["name"]
        as_of = moment_of(await past_of(self._desk, request))
        question = partial(self._desk.parts.queries.experiment, name, as_of=as_of)
        found = await self._desk.ask(question, position_in(request))
        fixed = (Filter("experiment", Operator.IS, (found["name"],)),)
        address = ListAddress.parse(f"/experiments/{name}", request.query_params, fixed)
        return await self._list(request, address, "experiments/one.html", experiment=found, view=None)

    async def filter(self, request: Request) -> Response:
        """The form that makes a filter; once it is complete, the list with it."""
        asked = request.query_params
        address, draft = ListAddress.parse(_path(asked.get("to")), asked), FilterDraft.parse(asked)
        wrong = ""
        if draft.is_complete() and "apply" in asked:
            try:
                return RedirectResponse(address.with_chip(str(draft.chip())), 303)
            except LedgerError as error:
                wrong = str(error)
        template = "runs/filter_form.html" if is_part(request) else "runs/filter.html"
        return self._pages.page(request, template, address=address, draft=draft, fields=FIELDS, wrong=wrong)

    async def choices(self, request: Request) -> Response:
        """Keys or values that begin like what is typed."""
        asked = request.query_params
        draft = FilterDraft.parse(asked)
        of_values = asked.get("what") == "values"
        typed = (draft.values[-1] if draft.values else "") if of_values else draft.key
        query = KeyQuery(kind=draft.field, key=draft.key or None if of_values else None, prefix=typed)
        found = await self._desk.ask(partial(self._desk.parts.queries.keys, query)) if draft.completes else []
        return self._pages.page(request, "runs/choices.html", found=found)

    async def columns(self, request: Request) -> Response:
        """The columns to choose from, as many as fit, those that begin like what is typed."""
        asked = request.query_params
        address, typed = ListAddress.parse(_path(asked.get("to")), asked), asked.get("key", "").strip()
        found: dict[str, list[str]] = {}
        for kind in ("metric", "tag", "property", "parameter"):
            query = KeyQuery(kind=kind, prefix=typed, limit=12)
            found[kind] = [each.name for each in await self._desk.ask(partial(self._desk.parts.queries.keys, query))]
        template = "runs/columns_form.html" if is_part(request) else "runs/columns.html"
        return self._pages.page(
            request, template, address=address, found=found, typed=typed, plain=PLAIN_COLUMNS, asked=asked
        )

    async def _list(self, request: Request, address: ListAddress, template: str, **shown: Any) -> Response:
        past = await past_of(self._desk, request)
        page = await self._desk.ask(partial(self._desk.parts.queries.runs, address.query()), position_in(request))
        part = "runs/rows.html" if address.cursor else "runs/table.html"
        first = not page.runs and not page.cursor and not address.parts() and not address.cursor
        names = metrics_in(address.columns)
        ids = [run["run_id"] for run in page.runs]
        question = partial(extremes_of, self._desk.parts.metrics, ids, names, moment_of(past))
        extremes = await self._desk.in_thread(question)
        parents = {each["run_id"]: each["name"] for each in (*page.parents, *page.runs)}
        chosen = part if is_part(request) else template
        return self._pages.page(
            request,
            chosen,
            page=page,
            address=address,
            first=first,
            parents=parents,
            extremes=extremes,
            past=past,
            **shown,
        )


def _path(text: str | None) -> str:
    """The list that a form goes back to."""
    return text if text and text.startswith(("/runs", "/experiments/")) else "/runs"
