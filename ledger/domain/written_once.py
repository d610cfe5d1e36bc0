"""What is written once keeps its value."""

from collections.abc import Mapping

from ledger.errors import WrittenOnceError


def check_written_once(what: str, old: Mapping[str, object], new: Mapping[str, object]) -> None:
    """Raise WrittenOnceError if a key would get another value (parity F2)."""
    for key, value in new.items():
        if key in old and not _same(old[key], value):
            raise WrittenOnceError(what, key, old[key], value)


def _same(old: object, new: object) -> bool:
    # 1, 1.0 and True are equal in Python and three different values to who wrote them.
    return type(old) is type(new) and (old == new or (old != old and new != new))  # noqa: PLR0124
