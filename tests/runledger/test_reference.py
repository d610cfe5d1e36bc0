"""docs/sdk.md says what the code says."""

import runledger
from runledger.reference import FILE, reference


def test_the_page_is_fresh() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "python -m runledger.reference writes it"


def test_every_public_name_is_on_the_page() -> None:
    page = reference()

    assert [name for name in runledger.__all__ if name != "VERSION" and f"`{name}" not in page] == []
