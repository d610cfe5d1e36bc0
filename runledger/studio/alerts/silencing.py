"""Silences: what keeps quiet until when, who wanted it and why; made and ended."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from ledger.commands import CreateSilence, EndSilence
from ledger.errors import CommandReusedError, RefusedError
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import CLIENT, back_to, command_in, form_of, reason_in, text_in
from runledger.studio.pages import position_in
from schemas.spans import seconds_of

ATTRIBUTES = (
    "experiment",
    "run",
    "status",
    "rule_name",
    "recipient",
    "kind",
    "tag",
    "property",
    "parameter",
)
_KEYED = frozenset({"tag", "property", "parameter"})
_OPERATORS = ("=", "!=", "=~", "!~")
_MOST = 20
Matcher = dict[str, str]


class Silencing:
    """The list of silences, with the form of another."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing
        self._desk = showing.desk

    async def silences(self, request: Request) -> Response:
        """Those in force, and those that are over."""
        rule = request.query_params.get("rule")
        first = _matcher("rule_name", "=", rule) if rule else _matcher("experiment", "=", "")
        run = request.query_params.get("run")
        return await self._page(request, [_matcher("run", "=", run) if run else first])

    async def create(self, request: Request) -> Response:
        """Another silence, or another condition in its form."""
        form = await form_of(request)
        matchers = _matchers_in(form)
        step, _, number = text_in(form, "do").partition(" ")
        if step == "add" and len(matchers) < _MOST:
            return await self._page(request, [*matchers, _matcher("tag", "=", "")], form)
        if step == "remove":
            kept = [each for at, each in enumerate(matchers) if str(at) != number]
            return await self._page(request, kept or [_matcher("experiment", "=", "")], form)
        wrong = _wrong_with(matchers, text_in(form, "span"))
        if not wrong:
            try:
                return await self._showing.changed(request, _command(form, matchers), "/alerts/silences")
            except CommandReusedError:
                return back_to(request, "/alerts/silences")  # sent twice, it ends a moment later: it is the same
            except RefusedError as error:
                wrong = {"": str(error)}
        return await self._page(request, matchers, form, wrong)

    async def end(self, request: Request) -> Response:
        """End one before its time."""
        form = await form_of(request)
        command = EndSilence(
            silence_id=request.path_params["silence_id"],
            command=command_in(form),
            reason=reason_in(form),
            client=CLIENT,
        )
        return await self._showing.changed(request, command, "/alerts/silences")

    async def _page(
        self,
        request: Request,
        matchers: list[Matcher],
        form: FormData | None = None,
        wrong: dict[str, str] | None = None,
    ) -> Response:
        found = await self._desk.ask(self._desk.parts.alerts.silences, position_in(request))
        typed = {name: text_in(form, name) if form else "" for name in ("span", "reason")}
        return self._showing.page(
            request,
            "alerts/silences.html",
            422 if wrong else 200,
            silences=found,
            matchers=matchers,
            attributes=ATTRIBUTES,
            keyed=_KEYED,
            operators=_OPERATORS,
            typed=typed,
            wrong=wrong or {},
        )


def _matcher(attribute: str, operator: str, value: str, key: str = "") -> Matcher:
    return {"attribute": attribute, "operator": operator, "value": value, "key": key}


def _matchers_in(form: FormData) -> list[Matcher]:
    numbers = [n for n in range(_MOST) if f"m.{n}.attribute" in form]
    return [
        _matcher(*(text_in(form, f"m.{n}.{part}") for part in ("attribute", "operator", "value", "key")))
        for n in numbers
    ]


def _wrong_with(matchers: list[Matcher], span: str) -> dict[str, str]:
    """What is wrong with a form, by field."""
    found: dict[str, str] = {}
    for number, each in enumerate(matchers):
        if each["attribute"] not in ATTRIBUTES or each["operator"] not in _OPERATORS:
            found[f"m.{number}"] = "choose one of the list"
        elif each["attribute"] in _KEYED and not each["key"]:
            found[f"m.{number}"] = "write the name of the tag, property or parameter"
        elif not each["value"] and each["attribute"] not in _KEYED:
            found[f"m.{number}"] = "write what it is about; * stands for anything"
    try:
        if seconds_of(span) < 1:
            found["span"] = "write how long, such as 2h"
    except ValueError as error:
        found["span"] = str(error)
    return found


def _command(form: FormData, matchers: list[Matcher]) -> CreateSilence:
    return CreateSilence(
        silence_id=text_in(form, "silence_id") or str(uuid4()),
        matchers=[_as_event(each) for each in matchers],
        until=datetime.now(UTC) + timedelta(seconds=seconds_of(text_in(form, "span"))),
        command=command_in(form),
        reason=reason_in(form),
        client=CLIENT,
    )


def _as_event(matcher: Matcher) -> dict[str, Any]:
    attribute = matcher["attribute"]
    named = f"{attribute}:{matcher['key']}" if attribute in _KEYED else attribute
    return {"attribute": named, "operator": matcher["operator"], "value": matcher["value"]}
