"""docs/parity.md says what the tests say, and nothing is without a test."""

import pytest

from tests.parity.listing import FILE, SECTIONS, held_tests, page

IDS = [id_ for ids in SECTIONS.values() for id_ in ids]


@pytest.mark.parametrize("id_", IDS)
def test_every_id_has_a_test(id_: str) -> None:
    assert [test.name for test in held_tests() if test.id == id_] != []


def test_the_page_is_fresh() -> None:
    assert FILE.read_text(encoding="utf-8") == page(), "python -m tests.parity.listing writes it"
