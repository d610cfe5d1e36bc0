"""Questions about saved views, in the name of who asks."""

from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import Request

from ledger.domain.saved_view import Who
from ledger.queries import ViewDocument
from runledger.server.desk import Desk
from runledger.studio.pages import position_in, visitor_of


def who_asks(request: Request) -> Who:
    """The visitor, as views know him."""
    caller = visitor_of(request).caller
    return Who(caller.actor, is_admin=caller.is_admin)


async def view_of(desk: Desk, request: Request, view_id: str, as_of: str | None = None) -> ViewDocument:
    """One view, or as it was; raises ViewNotFoundError, NotThereYetError, and ForbiddenError for an outsider."""
    views, who = desk.parts.saved_views, who_asks(request)
    question = partial(views.view, view_id, who) if as_of is None else partial(views.view_at, view_id, as_of, who)
    return await desk.ask(question, position_in(request))


def is_comparison(query: str) -> bool:
    """Whether a view is of chosen runs side by side, and not of a list."""
    return any(name == "run" for name, _ in parse_qsl(query))
