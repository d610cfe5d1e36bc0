"""The page of the audit: who did what to which thing, and what was refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.queries import AUDITED_AT_ONCE, AuditDocument, AuditPage, AuditQuery
from ledger.users.rights import Right, rights_of
from runledger.audited import COLUMNS, entry_for_anybody, rows_of
from runledger.server.desk import Desk
from runledger.spreadsheet import lines_of
from runledger.studio.ledger.streams import page_of
from runledger.studio.pages import Pages, is_part, visitor_of
from schemas.registry import EVENTS
from schemas.streams import kind_of, run_stream

EXPORTED = 10_000
"""The most entries of one file."""

_POSITION_DIGITS = 18
_ACTIONS = sorted(event.name for event in EVENTS)
_WITH_PAST = frozenset({"run", "rule"})
"""What has a page as of a moment."""

_REFUSED = {"refused": True, "done": False}


def audit_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """The list, and the file of it."""
    shown = _AuditPages(desk, pages)
    return [Route("/ledger/audit", shown.entries), Route("/ledger/audit.csv", shown.export)]


class _AuditPages:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def entries(self, request: Request) -> Response:
        """A page of the list; a part of it alone, where the next one is asked for."""
        query = query_of(request.query_params)
        page = await self._page(request, query)
        entries = [_shown(entry) for entry in page.entries]
        asked = {name: text for name, text in request.query_params.items() if text and name != "cursor"}
        found: dict[str, Any] = {"entries": entries, "cursor": page.cursor, "asked": asked, "actions": _ACTIONS}
        part = is_part(request) and query.cursor is not None
        return self._pages.page(request, "ledger/audit_rows.html" if part else "ledger/audit.html", **found)

    async def export(self, request: Request) -> Response:
        """The entries as comma-separated values, so many."""
        query = replace(query_of(request.query_params), limit=AUDITED_AT_ONCE)
        rows: list[Sequence[Any]] = [COLUMNS]
        for _ in range(EXPORTED // AUDITED_AT_ONCE):
            page = await self._page(request, query)
            rows += [row for entry in page.entries for row in rows_of(entry)]
            if page.cursor is None:
                break
            query = replace(query, cursor=page.cursor)
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return Response(lines_of(rows), media_type="text/csv; charset=utf-8", headers=headers)

    async def _page(self, request: Request, query: AuditQuery) -> AuditPage:
        if query.address is not None:
            # Who may see no address must not find out by asking for each.
            visitor_of(request).check(Right.ADMIN)
        page = await self._desk.ask(lambda: self._desk.parts.queries.audit(query))
        if Right.ADMIN in rights_of(visitor_of(request).role):
            return page
        return AuditPage([entry_for_anybody(entry) for entry in page.entries], page.cursor)


def query_of(asked: QueryParams) -> AuditQuery:
    """What an address asks for; what it does not understand is left out."""
    thing = asked.get("thing", "").strip()
    field, equals, value = asked.get("field", "").strip().partition("=")
    until, cause = _day(asked.get("until", "")), asked.get("because_of", "")
    return AuditQuery(
        actor=asked.get("actor", "").strip() or None,
        action=asked.get("action") or None,
        stream=(thing if ":" in thing else run_stream(thing)) if thing else None,
        experiment=asked.get("experiment") or None,
        field=field or None,
        value=value if equals and field else None,
        client=asked.get("client") or None,
        address=asked.get("address") or None,
        because_of=int(cause) if cause.isdecimal() and len(cause) <= _POSITION_DIGITS else None,
        since=_milliseconds(_day(asked.get("since", ""))),
        until=_milliseconds(until + timedelta(days=1) if until else None),
        refused=_REFUSED.get(asked.get("kind", "")),
        cursor=asked.get("cursor") or None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").astimezone()
    except ValueError:
        return None


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else max(int(moment.timestamp() * 1000), 0)


def _shown(entry: AuditDocument) -> dict[str, Any]:
    changes = [{**each, **{name: _text(each[name]) for name in ("before", "after")}} for each in entry["changes"]]
    about = page_of(entry["stream"])
    then = f"{about}?as_of={entry['position']}" if about and kind_of(entry["stream"]) in _WITH_PAST else None
    return entry | {"changes": changes, "about": about, "then": then, "name": entry["run_id"] or entry["stream"]}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
