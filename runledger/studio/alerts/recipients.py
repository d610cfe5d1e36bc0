"""Recipients that are not told everything: who wants less, whose mails came back, and how to undo that."""

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import LimitRecipient, RecipientCommand, Resubscribe, Unsubscribe, UnsuppressRecipient
from ledger.errors import RefusedError
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import CLIENT, command_in, form_of, reason_in, text_in
from runledger.studio.pages import position_in
from schemas.spans import seconds_of


class Recipients:
    """The list, and what is done about one."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing

    async def recipients(self, request: Request) -> Response:
        """Every recipient that is not told everything."""
        return await self._page(request)

    async def act(self, request: Request) -> Response:
        """Tell one again, or no more."""
        form = await form_of(request)
        done, rule = text_in(form, "do"), text_in(form, "rule") or None
        given: dict[str, Any] = {
            "recipient": text_in(form, "recipient"),
            "command": command_in(form),
            "reason": reason_in(form),
            "client": CLIENT,
        }
        if done == "limit":
            return await self._limit(request, form, given)
        commands: dict[str, RecipientCommand] = {
            "lift": UnsuppressRecipient(**given),
            "resubscribe": Resubscribe(**given, rule=rule),
            "unsubscribe": Unsubscribe(**given, rule=rule),
            "unlimit": LimitRecipient(**given),
        }
        try:
            return await self._showing.changed(request, commands[done], "/alerts/recipients")
        except KeyError:
            wrong = f"nothing is called {done!r}"
        except RefusedError as error:
            wrong = str(error)
        return await self._page(request, wrong, {"recipient": given["recipient"]})

    async def _limit(self, request: Request, form: FormData, given: dict[str, Any]) -> Response:
        mails, span = text_in(form, "mails"), text_in(form, "span")
        try:
            command = LimitRecipient(**given, mails=int(mails), seconds=seconds_of(span))
            return await self._showing.changed(request, command, "/alerts/recipients")
        except (ValueError, RefusedError) as error:
            wrong = str(error) if mails.isdecimal() else f"{mails!r} is no number of mails"
        typed = {"limited": given["recipient"], "mails": mails, "span": span}
        return await self._page(request, typed=typed, wrong_limit=wrong)

    async def _page(
        self,
        request: Request,
        wrong: str | None = None,
        typed: dict[str, str] | None = None,
        wrong_limit: str | None = None,
    ) -> Response:
        alerts = self._showing.desk.parts.alerts
        found, rules = await self._showing.desk.ask(lambda: (alerts.recipients(), alerts.rules()), position_in(request))
        named = sorted({each for rule in rules for each in (rule["definition"] or {}).get("recipients", ())})
        return self._showing.page(
            request,
            "alerts/recipients.html",
            422 if wrong or wrong_limit else 200,
            recipients=found,
            rules={rule["rule_id"]: rule["name"] for rule in rules},
            named=named,
            wrong=wrong,
            typed=typed or {},
            wrong_limit=wrong_limit,
        )
