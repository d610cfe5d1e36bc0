"""Texts of the pages, and those that a language lacks: `python -m tests.runledger.studio.catalogue` lists them."""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from runledger.studio.language import LOCALES

_STUDIO = LOCALES.parent
_METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}


def texts() -> set[str | tuple[str, ...]]:
    """Every text that the pages mark for translation; of what is counted, both forms."""
    found = extract_from_dir(_STUDIO, _METHODS, _OPTIONS)
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


def translated(language: str) -> Iterator[tuple[Path, str | tuple[str, ...]]]:
    """Every text that a catalogue has in a language, and its file."""
    for file in sorted((LOCALES / language).glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language):
                done = message.string if isinstance(message.string, str) else all(message.string or [None])
                if message.id and done and not message.fuzzy:
                    yield file, message.id if isinstance(message.id, str) else tuple(message.id)


def missing(language: str) -> list[str | tuple[str, ...]]:
    """What is not translated yet."""
    return sorted(texts() - {text for _, text in translated(language)}, key=str)


def unused(language: str) -> list[str]:
    """What is translated, and on no page."""
    known = texts()
    return [f"{file.name}: {text}" for file, text in translated(language) if text not in known]


if __name__ == "__main__":
    for each in missing("pl"):
        print("missing:", each)
    for line in unused("pl"):
        print("unused:", line)
    sys.exit(bool(missing("pl")))
