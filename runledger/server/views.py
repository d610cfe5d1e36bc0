"""Saved views over HTTP, each as far as who asks may see it; commands change them."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from ledger.application.saved_views import SavedViews
from ledger.commands import ChangeView, Command, DeleteView, ShareView
from ledger.domain.saved_view import Who
from ledger.problems import BadMessageError
from runledger.server.asking import Asking
from runledger.server.guard import Visitor
from runledger.server.messages import AtLeast
from runledger.server.replies import reply

C = TypeVar("C", bound=Command)

_ETAG = re.compile(r'"(\d{1,18})-[a-z]+"')

Answered = Callable[[AtLeast, Callable[[], Any]], Awaitable[Any]]
"""Answers a question in a thread, once what it must include has been read."""


def view_routes(saved: Callable[[], SavedViews], answered: Answered) -> APIRouter:
    """The routes below /views."""
    routes = APIRouter()

    @routes.get("/views", response_model=list[dict[str, Any]])
    async def views(asked: Annotated[AtLeast, Query()], visitor: Asking) -> Response:
        """The saved views that the sender may see, by name."""
        return reply(await answered(asked, lambda: saved().views(_who(visitor))))

    @routes.get("/views/{view_id}", response_model=dict[str, Any])
    async def view(view_id: str, asked: Annotated[AtLeast, Query()], visitor: Asking) -> Response:
        """One saved view; its ETag is the `seq` that a change may name, so that it changes what was seen."""
        found = await answered(asked, lambda: saved().view(view_id, _who(visitor)))
        answer = reply(found)
        # What somebody may do is part of the answer, and differs from one to another.
        answer.headers["ETag"] = f'"{found["seq"]}-{found["right"]}"'
        return answer

    return routes


def matching(command: C, if_match: str | None) -> C:
    """A command to a view as made for what its sender has seen, which the header `If-Match` names by its ETag.

    Raises:
        BadMessageError: the header is no ETag of a view.
    """
    if if_match is None or not isinstance(command, ChangeView | ShareView | DeleteView):
        return command
    found = _ETAG.fullmatch(if_match)
    if found is None:
        raise BadMessageError(f"If-Match {if_match[:80]!r} is no ETag of a view; take it from GET /api/v1/views/ID")
    return replace(command, seq=int(found[1]))


def _who(visitor: Visitor) -> Who:
    return Who(visitor.caller.actor, is_admin=visitor.caller.is_admin)
