"""The name and the description of a run: written in Markdown, seen as it will be, never lost to another's."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import DescribeRun
from ledger.errors import ChangedSinceError, DeniedError, RefusedError
from ledger.queries import RunDocument
from ledger.users.rights import Right
from runledger.server.desk import Desk
from runledger.studio.forms import CLIENT, back_to, command_in, form_of, reason_in, text_in
from runledger.studio.markdown import markdown
from runledger.studio.pages import Pages, visitor_of
from runledger.studio.run.frame import address_of, frame_of
from runledger.studio.run.seen import seen_in
from schemas.limits import Limits

_FIELDS = ("display_name", "description")
_CONFLICT, _REFUSED = 409, 422


class Editing:
    """The page with the form, and what becomes of it."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        """Change runs at the desk."""
        self._desk = desk
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The form, filled with what is."""
        visitor_of(request).check(Right.WRITE)
        return await self._page(request)

    async def preview(self, request: Request) -> Response:
        """What is typed, as it will look."""
        form = await form_of(request)
        preview = await self._shown(_typed(form, "description"))
        return self._pages.page(request, "run/preview.html", preview=preview)

    async def save(self, request: Request) -> Response:
        """Set what was changed in the form; of what others changed meanwhile, nothing is lost."""
        form = await form_of(request)
        typed, seen = {name: _typed(form, name) for name in _FIELDS}, seen_in(form)
        given: dict[str, Any] = {"typed": typed, "reason": reason_in(form)}
        if "preview" in form:
            return await self._page(request, seen=seen, **given)
        try:
            position = await self._describe(request, form, typed)
        except DeniedError:
            raise
        except ChangedSinceError as error:
            changed = {each["field"]: each for each in error.changes}
            return await self._page(request, _CONFLICT, changed=changed, **given)
        except RefusedError as error:
            return await self._page(request, _REFUSED, seen=seen, wrong=str(error), **given)
        return back_to(request, address_of(request.path_params["run_id"], at=position))

    async def _describe(self, request: Request, form: FormData, typed: Mapping[str, str]) -> int:
        """Set what is not as its author saw it; answers with the position behind which it is so."""
        run_id, seen = request.path_params["run_id"], seen_in(form)
        before = await self._desk.ask(partial(self._desk.parts.queries.run_as_of, run_id, seen))
        changes = {name: text or None for name, text in typed.items() if text != _plain(before.get(name))}
        if not changes:
            return seen
        given: dict[str, Any] = {"command": command_in(form), "reason": reason_in(form), "client": CLIENT}
        command = DescribeRun(run_id=run_id, changes=changes, as_of=seen, **given)
        return (await self._desk.act(command, visitor_of(request))).position

    async def _page(self, request: Request, code: int = 200, **given: Any) -> Response:
        frame = await frame_of(self._desk, request)
        run: RunDocument = frame["run"]
        typed = given.get("typed") or {name: run.get(name, "") for name in _FIELDS}
        shown = {
            "limits": Limits(),
            "seen": run["last_position"],
            "preview": await self._shown(typed["description"]),
        } | given
        if "description" in given.get("changed", {}):
            shown["theirs"] = await self._shown(run.get("description", ""))
        return self._pages.page(request, "run/edit.html", code, **(frame | shown | {"typed": typed}))

    async def _shown(self, text: str) -> Markup:
        # Some texts take their time.
        return await self._desk.in_thread(partial(markdown, text))


def _typed(form: FormData, name: str) -> str:
    return _plain(text_in(form, name))


def _plain(text: str | None) -> str:
    """A text as a form sends it back unchanged: browsers end lines with CR LF."""
    return (text or "").replace("\r\n", "\n").strip()
