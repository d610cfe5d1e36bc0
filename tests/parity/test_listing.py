"""docs/parity.md says what the tests say, and nothing is without a test."""

import pytest

from tests.parity.listing import FILE, SECTIONS, held_tests, page

IDS = [id_ for ids in SECTIONS.values() for id_ in ids]


@pytest.fixture(scope="module")
def held() -> set[str]:
    """The ids of all tests."""
    return {test.id for test in held_tests()}


@pytest.mark.parametrize("id_", IDS)
def test_every_id_has_a_test(id_: str, held: set[str]) -> None:
    assert id_ in held


def test_the_page_is_fresh() -> None:
    assert FILE.read_text(encoding="utf-8") == page(), "python -m tests.parity.listing writes it"
