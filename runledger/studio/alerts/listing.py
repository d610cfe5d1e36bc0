"""The list of rules, and the first one in one click."""

from functools import partial
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import DefineRule
from ledger.errors import BadRuleError
from ledger.queries import RuleDocument
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import CLIENT, command_in, form_of, text_in
from runledger.studio.pages import position_in
from runledger.studio.past import moment_of, past_of


class RuleList:
    """Every rule with what it is about, and whether it works."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing

    async def rules(self, request: Request) -> Response:
        """The list; of none, how to make one."""
        desk = self._showing.desk
        past = await past_of(desk, request)
        found, tallies = await desk.ask(partial(self._found, moment_of(past)), position_in(request))
        return self._showing.page(
            request, "alerts/list.html", rules=found, tallies=tallies, wrong=None, typed="", past=past
        )

    async def first(self, request: Request) -> Response:
        """A rule that most people want, for whoever wants it."""
        form = await form_of(request)
        typed = text_in(form, "recipient")
        texts = {"name": text_in(form, "name"), "recipients": [typed]}
        rule_id = text_in(form, "rule_id") or str(uuid4())
        command = DefineRule(rule_id=rule_id, definition=texts, command=command_in(form), client=CLIENT)
        try:
            return await self._showing.changed(request, command, f"/alerts/{rule_id}")
        except BadRuleError as error:
            shown = {"rules": [], "tallies": {}, "wrong": str(error), "typed": typed}
            return self._showing.page(request, "alerts/list.html", 422, None, **shown)

    def _found(self, as_of: str | None) -> tuple[list[RuleDocument], dict[str, dict[str, Any]]]:
        alerts = self._showing.desk.parts.alerts
        # What became of its mails is told as it is now alone.
        return alerts.rules(as_of=as_of), alerts.tallies() if as_of is None else {}
