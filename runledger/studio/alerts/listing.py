"""The list of rules, and the first one in one click."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import DefineRule
from ledger.errors import BadRuleError
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import CLIENT, command_in, form_of, text_in
from runledger.studio.pages import position_in
from schemas.rules import definition_of

_TEMPLATES_TRIED = 20


class RuleList:
    """Every rule with what it is about, and whether it works."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing

    async def rules(self, request: Request) -> Response:
        """The list; of none, how to make one."""
        found, tallies = await self._showing.desk.ask(self._found, position_in(request))
        return self._showing.page(request, "alerts/list.html", rules=found, tallies=tallies, wrong=None, typed="")

    async def first(self, request: Request) -> Response:
        """A rule that most people want, for whoever wants it."""
        form = await form_of(request)
        typed = text_in(form, "recipient")
        texts = {"name": text_in(form, "name"), "recipients": [typed]}
        command = DefineRule(rule_id=str(uuid4()), definition=texts, command=command_in(form), client=CLIENT)
        try:
            return await self._showing.changed(request, command, f"/alerts/{command.rule_id}")
        except BadRuleError as error:
            shown = {"rules": [], "tallies": {}, "wrong": str(error), "typed": typed}
            return self._showing.page(request, "alerts/list.html", 422, None, **shown)

    def _found(self) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        parts = self._showing.desk.parts
        rules = parts.alerts.rules()
        tried = 0
        for rule in rules:
            written = (rule["definition"] or {}).get("templates") or {}
            if any(written.values()) and tried < _TEMPLATES_TRIED:
                tried += 1
                rule["failing"] = parts.trial.failure(definition_of(rule["definition"]))
        return rules, parts.alerts.tallies()
