"""What one look found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import LedgerError


class Level(StrEnum):
    """How bad it is: nothing, something to know, or something that keeps the ledger from its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it, where that is known."""

    what: str
    level: Level
    text: str
    way_out: str | None = None


def ok(what: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(what, Level.OK, text)


def warn(what: str, text: str, way_out: str | None = None) -> Finding:
    """Something to know."""
    return Finding(what, Level.WARN, text, way_out)


def fail(what: str, text: str, way_out: str | None = None) -> Finding:
    """Something to mend."""
    return Finding(what, Level.FAIL, text, way_out)


def looked(what: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a look finds; one that fails is a finding itself, and keeps no other from being made."""
    try:
        yield from list(look())
    except (LedgerError, OSError) as error:
        yield fail(what, " ".join(str(error).split()))
