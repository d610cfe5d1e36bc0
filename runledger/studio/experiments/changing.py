"""What is done to an experiment: description, tags, and whether lists show it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.commands import (
    ArchiveExperiment,
    Command,
    DescribeExperiment,
    ReactivateExperiment,
    TagExperiment,
    UntagExperiment,
)
from runledger.server.desk import Desk
from runledger.studio.forms import CLIENT, back_to, command_in, form_of, reason_in, text_in
from runledger.studio.pages import visitor_of

Make = Callable[[FormData, Mapping[str, Any]], Command]
"""The command that a form stands for, with what all commands have in common."""


def changing_routes(desk: Desk) -> Sequence[Route]:
    """Where the forms of an experiment's page are sent."""
    makers: Mapping[str, Make] = {
        "describe": lambda form, common: DescribeExperiment(description=text_in(form, "description") or None, **common),
        "tag": lambda form, common: TagExperiment(
            tags={text_in(form, "key"): text_in(form, "value") or None}, **common
        ),
        "untag": lambda form, common: UntagExperiment(keys=[text_in(form, "remove")], **common),
        "archive": lambda _, common: ArchiveExperiment(**common),
        "restore": lambda _, common: ReactivateExperiment(**common),
    }
    return [
        Route(f"/experiments/{{name}}/{action}", partial(_change, desk, make), methods=["GET", "POST"])
        for action, make in makers.items()
    ]


async def _change(desk: Desk, make: Make, request: Request) -> Response:
    address = f"/experiments/{quote(request.path_params['name'], safe='')}"
    if request.method != "POST":
        return RedirectResponse(address, 303)
    form = await form_of(request)
    common = {
        "name": request.path_params["name"],
        "command": command_in(form),
        "reason": reason_in(form),
        "client": CLIENT,
        "as_of": int(text_in(form, "seen") or 0) or None,
    }
    answer = await desk.act(make(form, common), visitor_of(request))
    return back_to(request, f"{address}?at={answer.position}")
