"""Metrics that a visitor wants to see first on the page of every run, kept by his browser."""

from collections.abc import Sequence
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runledger.studio.look import local

COOKIE = "pins"
_MOST = 20
_BYTES = 3_000
_SECONDS = 365 * 86_400


def pins_of(request: Request) -> list[str]:
    """The names, in the order of pinning."""
    kept = request.cookies.get(COOKIE, "")
    return [unquote(name) for name in kept.split("|") if name][:_MOST]


async def pin(request: Request) -> Response:
    """Pin a metric, or let go of it if it is pinned, and go back."""
    name = request.query_params.get("name", "")
    before = pins_of(request)
    pinned = [each for each in before if each != name] if name in before else [*before, name][-_MOST:]
    answer = RedirectResponse(local(request.query_params.get("next", "/runs")), 303)
    answer.set_cookie(COOKIE, _kept(pinned), max_age=_SECONDS, samesite="lax", path="/")
    return answer


def _kept(names: Sequence[str]) -> str:
    """As much of the end of the list as a cookie takes."""
    texts = [quote(name, safe="") for name in names]
    while sum(map(len, texts)) > _BYTES:
        texts.pop(0)
    return "|".join(texts)
