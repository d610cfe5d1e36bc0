"""What is done to several runs at once: one request, one event a run, and a word about each that was refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.commands import ArchiveRun, ChangeStatus, Command, RestoreRun, TagRun, UntagRun
from ledger.commands.base import derived_id
from ledger.problems import BadMessageError
from runledger.server.desk import Desk
from runledger.server.guard import Visitor
from runledger.studio.forms import CLIENT, back_to, command_in, form_of, reason_in, text_in, texts_in
from runledger.studio.look import local
from runledger.studio.pages import Pages, visitor_of
from schemas.errors import LedgerError
from schemas.statuses import RunStatus

MOST = 1_000

Make = Callable[[dict[str, Any]], Command]
"""A command of its common parts: its id, its run, why and by which client."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run: how far the log reaches then, or why nothing was done."""

    run_id: str
    position: int = 0
    refused: str = ""


def bulk_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where the bar below a list sends its form."""

    async def bulk(request: Request) -> Response:
        form = await form_of(request)
        run_ids = texts_in(form, "run")
        if not 1 <= len(run_ids) <= MOST:
            raise BadMessageError(f"select 1 to {MOST:,} runs, not {len(run_ids)}")
        make = _maker(text_in(form, "do"), text_in(form, "tag"))
        common = {"reason": reason_in(form), "client": CLIENT}
        found = await to_thread.run_sync(_carry_out, desk, make, common, command_in(form), run_ids, visitor_of(request))
        back = local(text_in(form, "back") or "/runs")
        refused = [each for each in found if each.refused]
        if refused:
            return pages.page(request, "runs/refused.html", 422, found=found, refused=refused, back=back)
        position = max(each.position for each in found)
        return back_to(request, f"{back}{'&' if '?' in back else '?'}at={position}")

    return [Route("/lists/bulk", bulk, methods=["POST"])]


def _maker(action: str, tag: str) -> Make:
    key, equals, value = tag.partition("=")
    if action in {"tag", "untag"} and not key.strip():
        raise BadMessageError("name the tag as KEY or KEY=VALUE")
    makers: Mapping[str, Make] = {
        "tag": lambda common: TagRun(tags={key.strip(): value.strip() if equals else None}, **common),
        "untag": lambda common: UntagRun(keys=[key.strip()], **common),
        "cancel": lambda common: ChangeStatus(status=RunStatus.CANCEL_REQUESTED, **common),
        "archive": lambda common: ArchiveRun(**common),
        "restore": lambda common: RestoreRun(**common),
    }
    if action not in makers:
        raise BadMessageError(f"nothing is done by {action[:40]!r}; there are {', '.join(makers)}")
    return makers[action]


def _carry_out(
    desk: Desk, make: Make, common: Mapping[str, Any], command: str, run_ids: Sequence[str], visitor: Visitor
) -> list[Outcome]:
    """Sent again, the same form finishes what is missing: ids are derived from that of the form."""
    found = []
    for run_id in dict.fromkeys(run_ids):
        try:
            made = make({**common, "run_id": run_id, "command": derived_id(command, run_id)})
            found.append(Outcome(run_id, desk.carry_out(made, visitor).position))
        except LedgerError as error:
            found.append(Outcome(run_id, refused=str(error)))
    return found
