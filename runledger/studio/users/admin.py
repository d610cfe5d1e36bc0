"""Who uses this server: added, changed, let in no more, by an admin."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import RefusedError, UserNotFoundError
from ledger.users.rights import Right, rights_of
from runledger.server.accounts import Accounts
from runledger.server.desk import Desk
from runledger.server.guard import Visitor
from runledger.studio.forms import back_to, command_in, form_of, text_in
from runledger.studio.pages import Pages, visitor_of
from schemas.roles import Role


class UserPages:
    """The list of users, and a page for each."""

    def __init__(self, desk: Desk, pages: Pages, accounts: Accounts) -> None:
        """Show with these."""
        self._desk = desk
        self._pages = pages
        self._accounts = accounts

    async def users(self, request: Request) -> Response:
        """Every user; who is no admin goes to what is his own, and of none, how the first is made."""
        visitor = visitor_of(request)
        if not visitor.known:
            return self._pages.page(request, "users/none.html")
        if Right.ADMIN not in rights_of(visitor.role):
            return back_to(request, "/me")
        return await self._list(request, visitor)

    async def add(self, request: Request) -> Response:
        """Add a user, who logs in with a password if one is given."""
        visitor, form = visitor_of(request), await form_of(request)
        name, role = text_in(form, "name"), _role(form)
        try:
            await self._desk.in_thread(
                lambda: self._accounts.add_user(
                    visitor,
                    name,
                    role or Role.CONTRIBUTOR,
                    email=text_in(form, "email") or None,
                    password=_password(form),
                    command=command_in(form),
                )
            )
        except RefusedError as error:
            typed = {each: text_in(form, each) for each in ("name", "email", "role")}
            return await self._list(request, visitor, str(error), typed)
        return back_to(request, f"/users/{quote(name, safe='')}")

    async def user(self, request: Request) -> Response:
        """One user, with his tokens."""
        return await self._one(request, visitor_of(request))

    async def change(self, request: Request) -> Response:
        """Do what the button of the form says."""
        visitor, form, name = visitor_of(request), await form_of(request), str(request.path_params["name"])
        done = self._change(visitor, form, name)
        if done is None:
            return await self._one(request, visitor, "nothing is done by such a button")
        try:
            await self._desk.in_thread(done)
        except RefusedError as error:
            return await self._one(request, visitor, str(error))
        return back_to(request, f"/users/{quote(name, safe='')}")

    def _change(self, visitor: Visitor, form: FormData, name: str) -> Callable[[], None] | None:
        accounts, command, role = self._accounts, command_in(form), _role(form)
        email, password, token = text_in(form, "email"), _password(form) or "", text_in(form, "token")
        done: dict[str, Callable[[], None]] = {
            "change": lambda: accounts.change_user(visitor, name, role=role, email=email, command=command),
            "password": lambda: accounts.set_password(visitor, name, password),
            "disable": lambda: accounts.disable_user(visitor, name, command),
            "enable": lambda: accounts.add_user(visitor, name, role or Role.VIEWER, email=email, command=command),
            "log-out": lambda: accounts.log_out_user(visitor, name),
            "revoke": lambda: accounts.revoke_token(visitor, token, owner=name),
        }
        return done.get(text_in(form, "do"))

    async def _list(
        self, request: Request, visitor: Visitor, wrong: str | None = None, typed: dict[str, str] | None = None
    ) -> Response:
        found, tokens = await self._desk.ask(lambda: (self._accounts.users(visitor), self._accounts.tokens(visitor)))
        counts = Counter(each["user"] for each in tokens if each["state"] == "valid")
        return self._pages.page(
            request,
            "users/list.html",
            422 if wrong else 200,
            users=found,
            tokens=counts,
            roles=list(Role),
            wrong=wrong,
            typed=typed or {"role": Role.CONTRIBUTOR},
        )

    async def _one(self, request: Request, visitor: Visitor, wrong: str | None = None) -> Response:
        name = str(request.path_params["name"])
        user, tokens = await self._desk.ask(lambda: self._found(visitor, name))
        return self._pages.page(
            request, "users/user.html", 422 if wrong else 200, user=user, tokens=tokens, roles=list(Role), wrong=wrong
        )

    def _found(self, visitor: Visitor, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        users = self._accounts.users(visitor)
        user = next((each for each in users if each["user"].casefold() == name.casefold()), None)
        if user is None:
            raise UserNotFoundError(name)
        return user, [each for each in self._accounts.tokens(visitor) if each["user"] == user["user"]]


def _role(form: FormData) -> Role | None:
    text = text_in(form, "role")
    return Role(text) if text in {str(each) for each in Role} else None


def _password(form: FormData) -> str | None:
    """As it was typed: blanks around a password are part of it."""
    value = form.get("password")
    return value if isinstance(value, str) and value else None
