"""What every tab of a run's page shows above: what the run is called, where it stands, what can be done."""

from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from ledger.domain.statuses import may_change
from runledger.server.desk import Desk
from runledger.studio.pages import position_in
from schemas.statuses import RunStatus


async def frame_of(desk: Desk, request: Request) -> dict[str, Any]:
    """What `run/frame.html` is filled with, for the run that the address names; raises RunNotFoundError.

    Has `run` (its document), `address` (of its page), `tab` (the part of the address behind that; empty
    for the overview), `at` (the position behind which it is shown, which a form brought), and whether it can be failed
    (`can_end`) and canceled.
    """
    run_id, at = request.path_params["run_id"], position_in(request)
    run = await desk.ask(partial(desk.parts.queries.run, run_id, at_least=at), at)
    address, status = address_of(run_id), RunStatus(run["status"])
    return {
        "run": run,
        "address": address,
        "tab": request.url.path.removeprefix(f"/runs/{run_id}").strip("/").partition("/")[0],
        "at": at,
        "can_end": may_change(status, RunStatus.FAILED),
        "can_cancel": may_change(status, RunStatus.CANCEL_REQUESTED),
    }


def address_of(run_id: str, tab: str = "", at: int = 0) -> str:
    """Where a tab of a run's page is; `at` is a position that it must know."""
    return f"/runs/{quote(run_id, safe='')}{'/' if tab else ''}{tab}{f'?at={at}' if at else ''}"
