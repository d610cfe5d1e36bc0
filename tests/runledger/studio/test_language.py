"""The catalogues."""

import pytest
from starlette.requests import Request

from runledger.studio.language import LANGUAGES, SOURCE, language_of
from tests.runledger.studio.catalogue import missing, unused


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != SOURCE])
def test_every_text_is_translated_and_no_other(language: str) -> None:
    assert missing(language) == []
    assert unused(language) == []


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [("pl-PL,pl;q=0.9,en;q=0.8", "pl"), ("de,en;q=0.5,pl;q=0.1", "en"), ("fr", "en"), ("", "en"), ("pl;q=x", "en")],
)
def test_the_browsers_best_of_ours_is_taken(accepted: str, expected: str) -> None:
    headers = [(b"accept-language", accepted.encode())]
    assert language_of(Request({"type": "http", "headers": headers})) == expected
