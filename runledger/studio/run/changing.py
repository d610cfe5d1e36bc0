"""What the forms of a run's page do: tags, properties, its end, and whether lists show it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.commands import AddProperties, ArchiveRun, ChangeStatus, RestoreRun, RunCommand, TagRun, UntagRun
from ledger.errors import ChangedSinceError, DeniedError, RefusedError
from runledger.server.desk import Desk
from runledger.studio.forms import CLIENT, back_to, command_in, form_of, reason_in, text_in
from runledger.studio.pages import visitor_of
from runledger.studio.run.frame import address_of
from runledger.studio.run.overview import Overview
from runledger.studio.run.seen import seen_in
from schemas.statuses import RunStatus

Does = Callable[[Request, FormData], Awaitable[int]]
"""Carries out what a form asks for; answers with the position behind which it can be seen."""

_CONFLICT, _REFUSED = 409, 422


def changing_routes(desk: Desk, overview: Overview) -> Sequence[Route]:
    """Where the forms are sent."""
    doing = _Doing(desk)
    beside = {"tags": doing.tag, "properties": doing.add_property}
    plain = {"cancel": doing.cancel, "fail": doing.fail, "archive": doing.archive, "restore": doing.restore}
    found = [_route(name, _sent(does, name, overview)) for name, does in beside.items()]
    return [*found, *(_route(name, _sent(does)) for name, does in plain.items())]


def _route(name: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(f"/runs/{{run_id}}/{name}", answer, methods=["GET", "POST"])


def _sent(
    does: Does, form_name: str = "", overview: Overview | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """A route that does something and goes back; what is refused is said beside the form that has a name."""

    async def answer(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        if request.method != "POST":
            # Whoever loads such an address again wants to see the run, and do nothing twice.
            return RedirectResponse(address_of(run_id), 303)
        form = await form_of(request)
        try:
            position = await does(request, form)
        except DeniedError:
            raise
        except RefusedError as error:
            if overview is None:
                raise
            return await _said_beside(overview, request, form, form_name, error)
        anchor = f"#{form_name}" if form_name else ""
        return back_to(request, address_of(run_id, at=position) + anchor)

    return answer


async def _said_beside(
    overview: Overview, request: Request, form: FormData, name: str, error: RefusedError
) -> Response:
    typed = {each: text_in(form, each) for each in ("key", "value", "edit") if each in form}
    changes = error.changes if isinstance(error, ChangedSinceError) else ()
    wrong = {"form": name, "text": "" if changes else str(error), "changes": changes, "typed": typed}
    return await overview.show(request, _CONFLICT if changes else _REFUSED, wrong=wrong)


class _Doing:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def tag(self, request: Request, form: FormData) -> int:
        """Set a tag, or remove one; without a value it is a bare one."""
        removed, seen = text_in(form, "untag"), seen_in(form)
        if removed:
            return await self._act(request, form, UntagRun, keys=[removed], as_of=seen)
        tags = {text_in(form, "key"): text_in(form, "value") or None}
        return await self._act(request, form, TagRun, tags=tags, as_of=seen)

    async def add_property(self, request: Request, form: FormData) -> int:
        """Write a property, once and for all."""
        return await self._act(request, form, AddProperties, properties={text_in(form, "key"): text_in(form, "value")})

    async def cancel(self, request: Request, form: FormData) -> int:
        """Ask the run's process to end it."""
        return await self._act(request, form, ChangeStatus, status=RunStatus.CANCEL_REQUESTED)

    async def fail(self, request: Request, form: FormData) -> int:
        """End the run as Failed, with an error."""
        message = text_in(form, "message") or "the run was failed by hand"
        error = {"code": "UserError", "message": message}
        return await self._act(request, form, ChangeStatus, status=RunStatus.FAILED, error=error)

    async def archive(self, request: Request, form: FormData) -> int:
        """Hide the run from lists."""
        return await self._act(request, form, ArchiveRun)

    async def restore(self, request: Request, form: FormData) -> int:
        """Show it in lists again."""
        return await self._act(request, form, RestoreRun)

    async def _act(self, request: Request, form: FormData, kind: type[RunCommand], **fields: Any) -> int:
        command = kind(
            run_id=request.path_params["run_id"],
            command=command_in(form),
            reason=reason_in(form),
            client=CLIENT,
            **fields,
        )
        return (await self._desk.act(command, visitor_of(request))).position
