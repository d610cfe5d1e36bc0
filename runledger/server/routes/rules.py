"""Alert rules, what they told, and who is not told."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from ledger.application.refusing import Attempt
from ledger.queries import Span, is_suppressed
from ledger.users.rights import Right
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import AtLeast, LedgerMoment, SentMail, SentPreview
from runledger.server.openapi import MAIL_BODY, PREVIEW_BODY
from runledger.server.replies import reply

T = TypeVar("T")


class RulesApi:
    """Answers about rules and notifications."""

    def __init__(self, desk: Desk) -> None:
        """Answer from a desk."""
        self._desk = desk
        self._parts = desk.parts

    async def rules(self, asked: Annotated[LedgerMoment, Query()]) -> Response:
        """Every alert rule that is not deleted, by name, as they are or as they were at a moment."""
        return reply(await self._answered(asked, partial(self._parts.alerts.rules, as_of=asked.as_of)))

    async def rule(self, rule_id: str, asked: Annotated[LedgerMoment, Query()]) -> Response:
        """One alert rule, as it is or as it was at a moment."""
        found = await self._answered(asked, lambda: self._parts.alerts.rule(rule_id, as_of=asked.as_of))
        return reply(found, position=None if asked.as_of is not None else found["last_position"])

    async def deliveries(self, rule_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """What was claimed of a rule's notifications and what came of it, oldest first."""
        return reply(await self._answered(asked, lambda: self._parts.alerts.deliveries(rule_id)))

    async def rule_changes(self, rule_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """Who changed what of an alert rule, when and why, oldest first."""
        return reply(await self._answered(asked, lambda: self._parts.alerts.rule_changes(rule_id)))

    async def silences(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every silence, those that are over too, the newest first."""
        return reply(await self._answered(asked, self._parts.alerts.silences))

    async def explained(self, run_id: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """Why each alert rule did or did not tell of a run."""
        return reply(await self._answered(asked, lambda: self._parts.alerts.explain(run_id)))

    async def preview(self, asked: SentPreview) -> Response:
        """What a rule would have sent, or a draft in its place."""
        span = Span(since=asked.since, until=asked.until)
        question = partial(self._parts.alerts.preview, asked.rule_id, asked.draft, span)
        return reply(await self._answered(asked, question))

    async def notifications_health(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """What waits to be sent, since when, and why."""
        return reply(await self._answered(asked, self._parts.alerts.health))

    async def recipients(self, asked: Annotated[AtLeast, Query()]) -> Response:
        """Every recipient that unsubscribed or is suppressed because mail came back, by address."""
        return reply(await self._answered(asked, self._parts.alerts.recipients))

    def bounce(self, content: SentMail, visitor: Asking, recipient: str | None = None) -> Response:
        """Take in a mail that came back; `recipient` is where it was delivered, if its headers do not say so."""
        self._desk.admit(visitor, Right.WRITE, Attempt("bounce", ""))
        found, command = self._parts.bounces.judge(content, recipient)
        if command is not None:
            self._desk.carry_out(command, visitor)
        suppressed = command is not None and is_suppressed(self._parts.alerts.recipients(), command.recipient)
        return reply(found | {"suppressed": suppressed})

    async def _answered(self, asked: AtLeast, question: Callable[[], T]) -> T:
        return await self._desk.ask(question, asked.at_least)


def rule_routes(desk: Desk) -> APIRouter:
    """Where rules are asked for."""
    api = RulesApi(desk)
    routes = APIRouter()
    routes.get("/rules", response_model=list[dict[str, Any]])(api.rules)
    routes.get("/rules/{rule_id}", response_model=dict[str, Any])(api.rule)
    routes.get("/rules/{rule_id}/deliveries", response_model=list[dict[str, Any]])(api.deliveries)
    routes.get("/rules/{rule_id}/changes", response_model=list[dict[str, Any]])(api.rule_changes)
    routes.get("/silences", response_model=list[dict[str, Any]])(api.silences)
    routes.get("/runs/{run_id}/alerts", response_model=list[dict[str, Any]])(api.explained)
    routes.post("/preview", response_model=list[dict[str, Any]], openapi_extra=PREVIEW_BODY)(api.preview)
    routes.get("/notifications/health", response_model=dict[str, Any])(api.notifications_health)
    routes.get("/recipients", response_model=list[dict[str, Any]])(api.recipients)
    routes.post("/bounces", response_model=dict[str, Any], openapi_extra=MAIL_BODY)(api.bounce)
    return routes
