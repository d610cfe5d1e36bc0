"""Theme and language: a visitor's choice, kept by the browser."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runledger.studio.language import COOKIE, LANGUAGES
from runledger.studio.pages import THEME_COOKIE, THEMES

_YEAR = 365 * 86400
_CHOICES = {"theme": (THEME_COOKIE, THEMES), "language": (COOKIE, tuple(LANGUAGES))}


async def choose(request: Request) -> Response:
    """Keep a choice, and go back to the page it was made on."""
    answer = RedirectResponse(local(request.query_params.get("next", "/")), 303)
    for name, (cookie, choices) in _CHOICES.items():
        chosen = request.query_params.get(name)
        if chosen in choices:
            answer.set_cookie(cookie, chosen, max_age=_YEAR, samesite="lax", path="/")
    return answer


def local(address: str) -> str:
    """An address on this server; the first page in the place of any other."""
    parts = urlsplit(address)
    ours = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if ours and address.isprintable() else "/"
