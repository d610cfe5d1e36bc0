"""Who may come in, who is asking, and how far the server is."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from ledger.users.rights import Right, rights_of
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import AtLeast
from runledger.server.replies import reply

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Position:
    """A log, and the position of its last accepted event that this server has read."""

    log: str
    position: int


@dataclass(frozen=True, slots=True)
class Me:
    """Who somebody is for the server, and what he may do."""

    user: str | None
    role: str
    email: str | None
    rights: list[Right]


class StateApi:
    """Answers about users, the sender, and the log."""

    def __init__(self, desk: Desk) -> None:
        """Answer from a desk."""
        self._desk = desk
        self._parts = desk.parts

    async def users(self, asked: Annotated[AtLeast, Query()], visitor: Asking) -> Response:
        """Every user by name, disabled ones too; for an admin."""
        visitor.check(Right.ADMIN)
        return reply(await self._answered(asked, self._parts.users.users))

    async def tokens(self, asked: Annotated[AtLeast, Query()], visitor: Asking) -> Response:
        """Every token in the order of issue, never the token itself; for an admin."""
        visitor.check(Right.ADMIN)
        return reply(await self._answered(asked, self._parts.users.tokens))

    async def me(self, visitor: Asking) -> Response:
        """Who the server takes the sender for; `user` is null as long as it asks nobody for a token."""
        rights = [right for right in Right if right in rights_of(visitor.role)]
        found = Me(visitor.caller.actor if visitor.known else None, visitor.role, visitor.email, rights)
        return reply(asdict(found))

    async def positions(self) -> Response:
        """How far this server has read its log."""
        position = await self._desk.in_thread(self._parts.feed.last_position)
        return reply(asdict(Position(self._parts.log.id, position)))

    async def _answered(self, asked: AtLeast, question: Callable[[], T]) -> T:
        return await self._desk.ask(question, asked.at_least)


def state_routes(desk: Desk) -> APIRouter:
    """Where those are asked for."""
    api = StateApi(desk)
    routes = APIRouter()
    routes.get("/users", response_model=list[dict[str, Any]])(api.users)
    routes.get("/tokens", response_model=list[dict[str, Any]])(api.tokens)
    routes.get("/me", response_model=Me)(api.me)
    routes.get("/positions", response_model=Position)(api.positions)
    return routes
