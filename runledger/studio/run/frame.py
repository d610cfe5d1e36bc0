"""What every tab of a run's page shows above: what the run is called, where it stands, what can be done."""

from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from ledger.domain.statuses import may_change
from runledger.server.desk import Desk
from runledger.studio.pages import position_in
from runledger.studio.past import past_of
from schemas.statuses import RunStatus

PAST_TABS = ("", "children", "metrics")
"""The tabs that show a run as of a moment too; its files and alerts are told as they are now, its history has all."""


async def frame_of(desk: Desk, request: Request) -> dict[str, Any]:
    """What `run/frame.html` is filled with, for the run that the address names; raises RunNotFoundError.

    Has `run` (its document), `address` (of its page), `tab` (the part of the address behind that; empty
    for the overview), `at` (the position behind which it is shown, which a form brought), and whether it can be failed
    (`can_end`) and canceled. As of a moment, `past` and the run as it was, which nothing can be done to, in the
    tabs that know it.
    """
    run_id, at = request.path_params["run_id"], position_in(request)
    address = address_of(run_id)
    tab = request.url.path.removeprefix(f"/runs/{run_id}").strip("/").partition("/")[0]
    frame: dict[str, Any] = {"address": address, "tab": tab, "at": at, "past_tabs": PAST_TABS}
    past = await past_of(desk, request) if tab in PAST_TABS else None
    if past is not None:
        run = await desk.ask(partial(desk.parts.queries.run_at, run_id, past.text, at_least=at), at)
        return frame | {"run": run, "past": past, "can_end": False, "can_cancel": False}
    run = await desk.ask(partial(desk.parts.queries.run, run_id, at_least=at), at)
    status = RunStatus(run["status"])
    return frame | {
        "run": run,
        "past": None,
        "can_end": may_change(status, RunStatus.FAILED),
        "can_cancel": may_change(status, RunStatus.CANCEL_REQUESTED),
    }


def address_of(run_id: str, tab: str = "", at: int = 0) -> str:
    """Where a tab of a run's page is; `at` is a position that it must know."""
    return f"/runs/{quote(run_id, safe='')}{'/' if tab else ''}{tab}{f'?at={at}' if at else ''}"
