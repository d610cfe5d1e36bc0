"""The pages of saved views."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.commands import ChangeView, Command, DeleteView, SaveView, ShareView
from ledger.commands.base import derived_id
from ledger.errors import ChangedSinceError, DeniedError, RefusedError
from ledger.queries import ViewDocument
from ledger.users.rights import Right
from runledger.server.desk import Desk
from runledger.studio.forms import CLIENT, back_to, command_in, form_of, text_in
from runledger.studio.pages import Pages, position_in, visitor_of
from runledger.studio.past import as_then, moment_of, past_of
from runledger.studio.views.asking import is_comparison, view_of, who_asks
from runledger.studio.views.sharing import everybody_in, lines_of, users_in

_CONFLICT, _REFUSED = 409, 422


def view_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where views are listed, opened, saved and shared."""
    views = _Views(desk, pages)
    return [
        Route("/views", views.listed),
        Route("/views/new", views.new),
        Route("/views", views.save, methods=["POST"]),
        Route("/views/{view_id}", views.open),
        Route("/views/{view_id}/edit", views.edit),
        Route("/views/{view_id}/edit", views.change, methods=["POST"]),
        Route("/views/{view_id}/query", views.set_query, methods=["POST"]),
        Route("/views/{view_id}/delete", views.delete, methods=["POST"]),
    ]


class _Views:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def listed(self, request: Request) -> Response:
        """The views that the visitor may see."""
        past, views = await past_of(self._desk, request), self._desk.parts.saved_views
        question = partial(views.views, who_asks(request))
        if past is not None:
            question = partial(views.views_at, past.text, who_asks(request))
        found = await self._desk.ask(question, position_in(request))
        me = visitor_of(request).caller.actor
        return self._pages.page(request, "views/list.html", views=found, me=me, past=past)

    async def open(self, request: Request) -> Response:
        """The list of a view, as it is or as it was, which knows whose it is: the address that is shared."""
        past = await past_of(self._desk, request)
        view = await view_of(self._desk, request, request.path_params["view_id"], moment_of(past))
        query = f"{view['query']}&" if view["query"] else ""
        page = "/compare" if is_comparison(view["query"]) else "/runs"
        return RedirectResponse(as_then(f"{page}?{query}view={view['view_id']}", past), 303)

    async def new(self, request: Request) -> Response:
        """The form that names a list."""
        visitor_of(request).check(Right.WRITE)
        draft = {"name": "", "description": "", "query": request.query_params.get("query", "")}
        return self._pages.page(request, "views/new.html", draft=draft, wrong="")

    async def save(self, request: Request) -> Response:
        """Save a list under a name."""
        form = await form_of(request)
        draft: dict[str, Any] = {name: text_in(form, name) for name in ("name", "description", "query")}
        view_id = derived_id(command_in(form), "view") if text_in(form, "command") else str(uuid4())
        given: dict[str, Any] = {"view_id": view_id, "command": command_in(form), "client": CLIENT}
        try:
            await self._desk.act(SaveView(**draft, **given), visitor_of(request))
            position = await self._share(request, form, view_id, as_of=None)
        except DeniedError:
            raise
        except RefusedError as error:
            return self._pages.page(request, "views/new.html", _REFUSED, draft=draft, wrong=str(error))
        return back_to(request, f"/views/{view_id}?at={position}")

    async def edit(self, request: Request) -> Response:
        """The form with the view as it is."""
        return self._form(request, await view_of(self._desk, request, request.path_params["view_id"]))

    async def change(self, request: Request) -> Response:
        """Set name, description and who may use it; of what somebody else set meanwhile, nothing is lost."""
        form = await form_of(request)
        view_id, seen = request.path_params["view_id"], int(text_in(form, "seen") or 0)
        typed: dict[str, Any] = {"name": text_in(form, "name"), "description": text_in(form, "description")}
        view = await view_of(self._desk, request, view_id)
        given: dict[str, Any] = {"view_id": view_id, "client": CLIENT, "as_of": seen}
        try:
            answer = await self._desk.act(ChangeView(**typed, command=command_in(form), **given), visitor_of(request))
            position = answer.position
            if view["right"] == "own":
                position = await self._share(request, form, view_id, as_of=max(position, seen))
        except DeniedError:
            raise
        except ChangedSinceError as error:
            return self._form(request, view, _CONFLICT, typed=typed, changed=error.changes)
        except RefusedError as error:
            return self._form(request, view, _REFUSED, typed=typed, wrong=str(error))
        return back_to(request, f"/views?at={position}")

    async def set_query(self, request: Request) -> Response:
        """Let a view show what its list shows now."""
        form = await form_of(request)
        view_id = request.path_params["view_id"]
        command = ChangeView(
            view_id=view_id,
            query=text_in(form, "query"),
            as_of=int(text_in(form, "seen") or 0),
            command=command_in(form),
            client=CLIENT,
        )
        answer = await self._desk.act(command, visitor_of(request))
        return back_to(request, f"/views/{view_id}?at={answer.position}")

    async def delete(self, request: Request) -> Response:
        """Delete a view for everybody."""
        form = await form_of(request)
        command: Command = DeleteView(view_id=request.path_params["view_id"], command=command_in(form), client=CLIENT)
        answer = await self._desk.act(command, visitor_of(request))
        return back_to(request, f"/views?at={answer.position}")

    async def _share(self, request: Request, form: FormData, view_id: str, as_of: int | None) -> int:
        share = ShareView(
            view_id=view_id,
            everybody=everybody_in(form),
            users=users_in(form),
            as_of=as_of,
            command=derived_id(command_in(form), "share"),
            client=CLIENT,
        )
        return (await self._desk.act(share, visitor_of(request))).position

    def _form(self, request: Request, view: ViewDocument, code: int = 200, **given: Any) -> Response:
        shown = {"typed": view, "changed": (), "wrong": "", "users": lines_of(view["users"])} | given
        return self._pages.page(request, "views/edit.html", code, view=view, **shown)
