"""Commands: one, or several in one request."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from ledger.commands import Answer
from ledger.errors import UnavailableError
from ledger.problems import problem_of
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import SentCommand, SentCommands
from runledger.server.openapi import BULK_BODY, BULK_REPLY, COMMAND_BODY
from runledger.server.replies import reply
from schemas.errors import LedgerError


class CommandsApi:
    """Carries out what is sent."""

    def __init__(self, desk: Desk) -> None:
        """Answer from a desk."""
        self._desk = desk
        self._parts = desk.parts

    def command(self, command: SentCommand, visitor: Asking) -> Response:
        """Carry out one command; sent again with the same id, it is done once."""
        return reply(asdict(self._desk.carry_out(command, visitor)))

    def commands(self, commands: SentCommands, visitor: Asking) -> Response:
        """Carry out several commands in order, each by itself; repeating the request finishes what is missing."""
        results: list[dict[str, Any]] = []
        unavailable: UnavailableError | None = None
        for command in commands:
            try:
                if unavailable is not None:
                    raise unavailable
                results.append(asdict(self._desk.carry_out(command, visitor)))
            except LedgerError as error:
                # What is not there for one command is not tried for each of the others.
                unavailable = error if isinstance(error, UnavailableError) else None
                results.append({"problem": problem_of(error)})
        return reply({"results": results})


def command_routes(desk: Desk) -> APIRouter:
    """Where commands are sent."""
    api = CommandsApi(desk)
    routes = APIRouter()
    routes.post("/commands", response_model=Answer, openapi_extra=COMMAND_BODY)(api.command)
    routes.post("/commands/bulk", openapi_extra=BULK_BODY, **BULK_REPLY)(api.commands)
    return routes
