"""The audit over HTTP: a page of what was done or refused; what is about people, for an admin alone."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from ledger.users.rights import Right, rights_of
from runledger.audited import entry_for_anybody
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import AuditParameters
from runledger.server.replies import reply


class AuditReply(BaseModel):
    """Entries, and the cursor of the page behind them."""

    entries: list[dict[str, Any]]
    cursor: str | None


def audit_routes(desk: Desk) -> APIRouter:
    """The route of the audit."""
    routes, queries = APIRouter(), desk.parts.queries

    @routes.get("/audit", response_model=AuditReply)
    async def audit(asked: Annotated[AuditParameters, Query()], visitor: Asking) -> Response:
        """Who did what to which thing, when and why, and what was refused; a page. By `address`, for an admin alone."""
        if asked.address is not None:
            # Who may see no address must not find out by asking for each.
            visitor.check(Right.ADMIN)
        page = await desk.ask(lambda: queries.audit(asked.query(), at_least=asked.at_least), asked.at_least)
        if Right.ADMIN not in rights_of(visitor.role):
            page.entries[:] = map(entry_for_anybody, page.entries)
        return reply(asdict(page))

    return routes
