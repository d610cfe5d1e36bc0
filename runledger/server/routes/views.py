"""Saved views over HTTP, each as far as who asks may see it; commands change them."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ledger.domain.saved_view import Who
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.guard import Visitor
from runledger.server.messages import LedgerMoment
from runledger.server.replies import reply


def view_routes(desk: Desk) -> APIRouter:
    """The routes below /views."""
    routes, saved = APIRouter(), desk.parts.saved_views

    @routes.get("/views", response_model=list[dict[str, Any]])
    async def views(asked: Annotated[LedgerMoment, Query()], visitor: Asking) -> Response:
        """The saved views that the sender may see, by name, as they are or as they were at a moment."""
        question = partial(saved.views, _who(visitor))
        if asked.as_of is not None:
            question = partial(saved.views_at, asked.as_of, _who(visitor))
        return reply(await desk.ask(question, asked.at_least))

    @routes.get("/views/{view_id}", response_model=dict[str, Any])
    async def view(view_id: str, asked: Annotated[LedgerMoment, Query()], visitor: Asking) -> Response:
        """One saved view, as it is or as it was at a moment."""
        if asked.as_of is not None:
            question = partial(saved.view_at, view_id, asked.as_of, _who(visitor))
            return reply(await desk.ask(question, asked.at_least))
        found = await desk.ask(lambda: saved.view(view_id, _who(visitor)), asked.at_least)
        return reply(found, position=found["last_position"])

    return routes


def _who(visitor: Visitor) -> Who:
    return Who(visitor.caller.actor, is_admin=visitor.caller.is_admin)
