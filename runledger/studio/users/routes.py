"""Where users, tokens and sessions are."""

from collections.abc import Sequence

from starlette.routing import Route

from runledger.server.accounts import Accounts
from runledger.server.desk import Desk
from runledger.studio.pages import Pages
from runledger.studio.users.admin import UserPages
from runledger.studio.users.own import OwnPages

_POST = ["POST"]


def user_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """The pages of an admin, and those of everybody."""
    accounts = Accounts(desk)
    admin, own = UserPages(desk, pages, accounts), OwnPages(desk, pages, accounts)
    return [
        Route("/users", admin.users),
        Route("/users", admin.add, methods=_POST),
        Route("/users/{name}", admin.user),
        Route("/users/{name}", admin.change, methods=_POST),
        Route("/me", own.me),
        Route("/me/tokens", own.make_token, methods=_POST),
        Route("/me/tokens/{token_id}/revoke", own.revoke_token, methods=_POST),
        Route("/me/sessions/end", own.end_session, methods=_POST),
    ]
