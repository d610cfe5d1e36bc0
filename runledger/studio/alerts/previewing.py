"""What a draft would have told of, and the mail it would make, while it is being written."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ledger.errors import NotFoundError
from ledger.queries import Span
from runledger.studio.alerts.draft import GENERAL, Draft, draft_in
from runledger.studio.alerts.showing import Showing
from runledger.studio.forms import form_of, text_in
from schemas.errors import LedgerError

DAYS = 30
_SECONDS = 4.0
_MAIL_HEADERS = {
    # Whatever a template makes: nothing of it runs, is fetched, or leads anywhere.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_NO_NAME = "..."
_NOTHING = "<!DOCTYPE html><html lang=en><title>mail</title><body><p>{}</p></body></html>"


class Previews:
    """One count at a time: each may read all of the history."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing
        self._desk = showing.desk
        self._counting = asyncio.Lock()

    async def words(self, request: Request) -> Response:
        """How often the draft would have told somebody, and the mail as text."""
        form = await form_of(request)
        async with self._counting:
            # Who has typed on has asked anew, and waits for that.
            if await request.is_disconnected():
                return Response(status_code=204)
            preview = await self._of(draft_in(form), text_in(form, "rule"), text_in(form, "about"))
        return self._showing.page(request, "alerts/preview.html", preview=preview)

    async def mail(self, request: Request) -> Response:
        """The mail as HTML, for a frame in which nothing runs."""
        form = await form_of(request)
        draft = draft_in(form)
        if not draft.one("name").strip():
            draft.given["name"] = [_NO_NAME]
        definition = draft.definition()
        if definition is None:
            return HTMLResponse(_NOTHING.format(""), headers=_MAIL_HEADERS)
        position = _position(text_in(form, "about"))
        found = await self._desk.ask(lambda: self._desk.parts.trial.mail(definition, position))
        return HTMLResponse(found["html"], headers=_MAIL_HEADERS)

    async def of(self, draft: Draft, rule_id: str, about: str) -> dict[str, Any]:
        """As `words`, for a page that is made as a whole."""
        async with self._counting:
            return await self._of(draft, rule_id, about)

    async def count(self, request: Request) -> Response:
        """How often a rule as it is would have told somebody."""
        rule_id = request.path_params["rule_id"]
        rule = await self._desk.ask(lambda: self._desk.parts.alerts.rule(rule_id))
        if rule["definition"] is None:
            raise NotFoundError(f"this program cannot read rule {rule_id}")
        definition = rule["definition"]
        async with self._counting:
            count = await self._desk.ask(lambda: self._counted(definition, rule_id))
        return self._showing.page(request, "alerts/count.html", count=count, days=DAYS)

    async def _of(self, draft: Draft, rule_id: str, about: str) -> dict[str, Any]:
        if not draft.one("name").strip():
            draft.given["name"] = [_NO_NAME]
        content, definition = draft.content(), draft.definition()
        if content is None or definition is None:
            return {"wrong": len(draft.wrong)}
        try:
            count = await self._desk.ask(lambda: self._counted(definition.as_json(), rule_id))
            mail = await self._desk.ask(lambda: self._desk.parts.trial.mail(definition, _position(about)))
        except LedgerError as error:
            draft.wrong.setdefault(GENERAL, str(error))
            return {"wrong": 1, "error": str(error)}
        return {"wrong": 0, "count": count, "mail": mail, "days": DAYS}

    def _counted(self, content: dict[str, Any], rule_id: str) -> dict[str, Any]:
        since = int((datetime.now(UTC) - timedelta(days=DAYS)).timestamp() * 1_000)
        return self._desk.parts.alerts.count(rule_id or None, content, Span(since=since), _SECONDS)


def _position(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 18 else None  # noqa: PLR2004 - the longest position
