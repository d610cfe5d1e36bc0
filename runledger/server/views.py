"""Saved views over HTTP, each as far as who asks may see it; commands change them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ledger.application.saved_views import SavedViews
from ledger.domain.saved_view import Who
from runledger.server.asking import Asking
from runledger.server.guard import Visitor
from runledger.server.messages import AtLeast
from runledger.server.replies import reply

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
        """One saved view."""
        found = await answered(asked, lambda: saved().view(view_id, _who(visitor)))
        return reply(found, position=found["last_position"])

    return routes


def _who(visitor: Visitor) -> Who:
    return Who(visitor.caller.actor, is_admin=visitor.caller.is_admin)
