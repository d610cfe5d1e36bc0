"""Rendering: a template, what it shows, and how its visitor likes it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ledger.users.rights import Right, rights_of
from runledger import VERSION
from runledger.server.guard import Visitor
from runledger.studio.assets import Assets
from runledger.studio.formats import formats_of, short
from runledger.studio.language import LANGUAGES, language_of, translations_of
from runledger.studio.past import as_now, as_then, kept_fields
from runledger.studio.runs.address import chip_of
from schemas.events.base import ERASED
from schemas.statuses import RunStatus

_TEMPLATES = Path(__file__).parent / "templates"
THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"
_DIGITS = 18


class Pages:
    """Renders templates, in the language and theme of whoever asks."""

    def __init__(self, assets: Assets, place: str, position: Callable[[], int], now: Callable[[], datetime]) -> None:
        """Pages of the workspace that people call `place`; `position` is how far its ledger was read."""
        self._environments = {language: _environment(language, now) for language in LANGUAGES}
        self._given: dict[str, Any] = {
            "asset": assets.address,
            "place": place,
            "version": VERSION,
            "languages": LANGUAGES,
        }
        self._given["position"] = position

    def page(
        self, request: Request, template: str, code: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
    ) -> Response:
        """A page, or a part of one."""
        language = language_of(request)
        text = (
            self._environments[language]
            .get_template(template)
            .render({**self._given, **_of_request(request), "language": language, **shown, **_of_the_past(shown)})
        )
        # Another person's page, or the same person's in another theme, is not this one.
        usual = {"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language, HX-Request"}
        return HTMLResponse(text, code, {**usual, **(headers or {})})

    def texts(self, request: Request) -> Callable[[str], str]:
        """What turns a text into the visitor's language, for the few that no template holds."""
        return translations_of(language_of(request)).gettext


def visitor_of(request: Request) -> Visitor:
    """Who asks, as the gate told."""
    visitor: Visitor = request.state.visitor
    return visitor


def is_part(request: Request) -> bool:
    """Whether the page's script asks for a part of a page."""
    return request.headers.get("hx-request-type") == "partial"


def position_in(request: Request) -> int:
    """The position that a page must know of, such as that of what its visitor has just done."""
    text = request.query_params.get("at", "")
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else 0


def _of_request(request: Request) -> dict[str, Any]:
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    theme = request.cookies.get(THEME_COOKIE)
    return {
        "request": request,
        "visitor": visitor,
        "may": frozenset(rights_of(visitor.role)) if visitor else frozenset(),
        "theme": theme if theme in THEMES else THEMES[0],
        "csrf": getattr(request.state, "csrf", ""),
    }


def _of_the_past(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was, nothing can be changed."""
    return {"may": frozenset({Right.READ})} if shown.get("past") else {}


def _environment(language: str, now: Callable[[], datetime]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # given by the extension
        translations_of(language), newstyle=True
    )
    environment.filters.update(formats_of(language, now))
    # A form that is sent twice is one command.
    environment.globals.update(
        command_id=lambda: str(uuid4()),
        chip_of=chip_of,
        as_then=as_then,
        as_now=as_now,
        kept_fields=kept_fields,
        short=short,
        Right=Right,
        erased=ERASED,
        statuses=list(RunStatus),
        themes=THEMES,
    )
    return environment
