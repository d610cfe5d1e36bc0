"""The pages about the ledger."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.attesting.errors import AttestationError, KeyFormError
from ledger.errors import WorkspaceError
from ledger.inspecting import EventQuery
from ledger.users.rights import Right, rights_of
from projections.status import statuses
from runledger.recorded import event_document, for_anybody, void_document
from runledger.server.desk import Desk
from runledger.studio.forms import back_to, form_of, text_in
from runledger.studio.ledger.audit import audit_routes
from runledger.studio.ledger.checking import Checking
from runledger.studio.ledger.streams import page_of
from runledger.studio.pages import Pages, is_part, visitor_of
from schemas.registry import EVENTS

_VOIDS = 10
_REFUSED = 422
_POSITION_DIGITS = 18


def ledger_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """What the logs hold, and the check of all of it."""
    shown = _LedgerPages(desk, pages)
    return [
        Route("/ledger", shown.overview),
        Route("/ledger/verify", shown.progress),
        Route("/ledger/verify", shown.verify, methods=["POST"]),
        *audit_routes(desk, pages),
    ]


class _LedgerPages:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages
        self._checking = Checking(str(desk.parts.folder.path.parent))

    async def overview(self, request: Request) -> Response:
        """All of it; of the list of events alone, what the address asks for."""
        return await self._overview(request)

    async def _overview(self, request: Request, code: int = 200, **given: Any) -> Response:
        asked = request.query_params
        query = EventQuery(
            stream=asked.get("stream") or None,
            type_name=_type_name(asked.get("type", "")),
            actor=asked.get("actor") or None,
            before=_position(asked),
        )
        all_of_it = Right.ADMIN in rights_of(visitor_of(request).role)
        found = await self._desk.ask(lambda: self._events(query, all_of_it=all_of_it))
        shown = {**found, "query": query, "asked": asked, "types": _SHORT}
        if is_part(request) and query.before is not None:
            return self._pages.page(request, "ledger/rows.html", **shown)
        state = await self._desk.ask(self._state)
        return self._pages.page(
            request, "ledger/overview.html", code, **shown, **state, **given, check=self._checking.last
        )

    async def verify(self, request: Request) -> Response:
        """Begin to verify, against an attestation if one is given, and show how it goes."""
        form = await form_of(request)
        visitor = visitor_of(request)
        visitor.check(Right.WRITE)
        note, key = text_in(form, "note").replace("\r\n", "\n"), text_in(form, "key")
        try:
            asked = self._checking.against(note and f"{note}\n", key)
        except (AttestationError, KeyFormError, WorkspaceError) as error:
            return await self._overview(request, _REFUSED, note=note, key=key, wrong=str(error))
        self._checking.begin(visitor.caller.actor, asked)
        return back_to(request, "/ledger")

    async def progress(self, request: Request) -> Response:
        """How far the check is, and what came of it."""
        return self._pages.page(
            request, "ledger/check.html", check=self._checking.last, address=self._desk.parts.log_address
        )

    def _state(self) -> dict[str, Any]:
        parts = self._desk.parts
        state = parts.inspection.state()
        for log in state["logs"]:
            for each in log["partitions"]:
                each["recorded_utc"] = _iso(each["recorded_at"]) if each["recorded_at"] else None
        voids = [void_document(log, found) for log, found in parts.inspection.voids(_VOIDS)]
        projections = [asdict(each) for each in statuses(parts.feed, parts.view)]
        return {"state": state, "address": parts.log_address, "voids": voids, "projections": projections}

    def _events(self, query: EventQuery, *, all_of_it: bool) -> dict[str, Any]:
        page = self._desk.parts.inspection.events(query)
        documents = [event_document(each, _as_text) for each in page.events]
        if not all_of_it:
            documents = [for_anybody(each) for each in documents]
        return {"events": [each | {"about": page_of(each["stream"])} for each in documents], "before": page.before}


def _position(asked: Any) -> int | None:
    """Where the list begins: behind a page before it, or with an event that is named."""
    for name, beyond in (("before", 0), ("at", 1)):
        text = asked.get(name, "")
        if text.isdecimal() and len(text) <= _POSITION_DIGITS:
            return int(text) + beyond
    return None


_TYPES = {event.name: event.type_name() for event in EVENTS}
_SHORT = sorted(_TYPES)


def _type_name(text: str) -> str | None:
    """The full name of a type that is named in short."""
    return _TYPES.get(text, text) or None


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")
