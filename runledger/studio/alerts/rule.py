"""One rule: what it says, what came of it, who changed it, and what is done to it."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import DeleteRule, DisableRule, EnableRule, RuleCommand, TestRule
from ledger.errors import NotFoundError
from ledger.queries import RunQuery
from runledger.alerting import how_mail_goes_out
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import CLIENT, command_in, form_of, reason_in, text_in
from runledger.studio.pages import position_in
from runledger.studio.past import moment_of, past_of
from schemas.rules import definition_of

_ROWS = 50
_DONE: dict[str, type[RuleCommand]] = {"enable": EnableRule, "disable": DisableRule, "delete": DeleteRule}


class RulePage:
    """What is known of a rule, a tab each."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing
        self._desk = showing.desk

    async def overview(self, request: Request) -> Response:
        """What it says, whom it tells, and how it went."""
        past = await past_of(self._desk, request)
        question = partial(self._overview, request.path_params["rule_id"], moment_of(past))
        found = await self._desk.ask(question, position_in(request))
        return self._showing.page(request, "alerts/rule.html", past=past, **found)

    async def deliveries(self, request: Request) -> Response:
        """What was claimed and what came of it, the newest first, a page at a time."""
        alerts, rule_id = self._desk.parts.alerts, request.path_params["rule_id"]
        rule, found = await self._desk.ask(
            lambda: (alerts.rule(rule_id), alerts.deliveries(rule_id)[::-1]), position_in(request)
        )
        behind = request.query_params.get("behind")
        start = next((n + 1 for n, each in enumerate(found) if each["notification"] == behind), 0)
        shown, more = found[start : start + _ROWS], len(found) > start + _ROWS
        return self._showing.page(
            request, "alerts/deliveries.html", rule=rule, deliveries=shown, more=more, count=len(found)
        )

    async def history(self, request: Request) -> Response:
        """Who changed what of it, when and why, the newest first."""
        alerts, rule_id = self._desk.parts.alerts, request.path_params["rule_id"]
        rule, changes = await self._desk.ask(
            lambda: (alerts.rule(rule_id), alerts.rule_changes(rule_id)[::-1]), position_in(request)
        )
        return self._showing.page(request, "alerts/history.html", rule=rule, changes=changes)

    async def silences(self, request: Request) -> Response:
        """The silences in force that may keep it back."""
        alerts, rule_id = self._desk.parts.alerts, request.path_params["rule_id"]
        rule, silences = await self._desk.ask(lambda: (alerts.rule(rule_id), alerts.silences()), position_in(request))
        concerned = [each for each in silences if each["in_force"] and _may_concern(each, rule["name"])]
        return self._showing.page(request, "alerts/rule_silences.html", rule=rule, silences=concerned)

    async def act(self, request: Request) -> Response:
        """Put it into force or out of it, or delete it."""
        rule_id, done = request.path_params["rule_id"], request.path_params["done"]
        form = await form_of(request)
        kind = _DONE.get(done)
        if kind is None:
            raise NotFoundError(f"nothing is done to a rule at {request.url.path}")
        command = kind(rule_id=rule_id, command=command_in(form), reason=reason_in(form), client=CLIENT)
        return await self._showing.changed(request, command, "/alerts" if done == "delete" else f"/alerts/{rule_id}")

    async def test(self, request: Request) -> Response:
        """Send its recipients a test, about the run that was named or the newest."""
        rule_id, form = request.path_params["rule_id"], await form_of(request)
        run_id = text_in(form, "run")
        if run_id:
            await self._desk.ask(lambda: self._desk.parts.queries.run(run_id))
        else:
            run_id = await self._desk.ask(self._newest_run)
        command = TestRule(
            rule_id=rule_id, run_id=run_id or None, command=command_in(form), reason=reason_in(form), client=CLIENT
        )
        return await self._showing.changed(request, command, f"/alerts/{rule_id}/deliveries")

    def _newest_run(self) -> str:
        newest = self._desk.parts.queries.runs(RunQuery(limit=1)).runs
        return str(newest[0]["run_id"]) if newest else ""

    def _overview(self, rule_id: str, as_of: str | None) -> dict[str, Any]:
        parts = self._desk.parts
        if as_of is not None:
            return {"rule": parts.alerts.rule(rule_id, as_of=as_of)}
        rule = parts.alerts.rule(rule_id)
        failing = None if rule["definition"] is None else parts.trial.failure(definition_of(rule["definition"]))
        return {
            "rule": rule,
            "failing": failing,
            "tally": parts.alerts.tallies().get(rule_id),
            "how": how_mail_goes_out(str(parts.folder.path.parent)),
        }


def _may_concern(silence: dict[str, Any], name: str) -> bool:
    """Whether it is about this rule, or about any."""
    named = [text for text in silence["matchers"] if text.startswith("rule_name")]
    return all(text.partition("=")[2].lstrip("~") == name or "~" in text or "!" in text for text in named)
