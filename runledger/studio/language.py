"""The languages of the pages: catalogues in locales/, chosen by a switch, else by the browser."""

import io
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request

LOCALES = Path(__file__).parent / "locales"
SOURCE = "en"
LANGUAGES = {SOURCE: "English", "pl": "Polski"}
COOKIE = "language"


def language_of(request: Request) -> str:
    """The language that a visitor chose, or whose browser likes best of ours."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return negotiate_locale(_preferred(request.headers.get("accept-language", "")), LANGUAGES, sep="-") or SOURCE


@cache
def translations_of(language: str) -> NullTranslations:
    """What texts are in a language: one catalogue, made of a file an area."""
    if language == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, _joined(language, sorted((LOCALES / language).glob("*.po"))))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _joined(language: str, files: Iterable[Path]) -> Catalog:
    whole = Catalog(locale=Locale.parse(language))
    for file in files:
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language):
                if message.id:
                    whole[message.id] = message
    return whole


def _preferred(header: str) -> list[str]:
    """The languages of an Accept-Language header (RFC 9110 12.5.4), best first."""
    weighted = []
    for part in header.split(","):
        name, _, weight = part.strip().partition(";q=")
        weighted.append((_weight(weight), name.strip()))
    return [name for weight, name in sorted(weighted, key=lambda each: -each[0]) if name and weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
