"""Pages as of a moment: what an address asks for, what is said of it, and links that keep to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from ledger.feed import Feed
from ledger.moments import place_of, time_of
from projections.runs.documents import iso
from runledger.server.desk import Desk

NAME = "as_of"
"""The part of an address that names a moment: a position, or a time in UTC."""

_NOT_KEPT = frozenset({NAME, "at", "cursor", "step", "depth"})


@dataclass(frozen=True, slots=True)
class Past:
    """A moment of the ledger: as the address has it, the position that it means, and when that was recorded."""

    text: str
    position: int
    recorded_at: str | None


async def past_of(desk: Desk, request: Request) -> Past | None:
    """The moment that an address asks for, if it does; raises InvalidNameError and MomentAheadError."""
    text = request.query_params.get(NAME, "").strip()
    return await desk.in_thread(lambda: _past(desk.parts.feed, text)) if text else None


def _past(feed: Feed, text: str) -> Past:
    position = place_of(feed, text)
    recorded = time_of(feed, str(position))
    return Past(text, position, iso(recorded * 1_000) if recorded >= 0 else None)


def moment_of(past: Past | None) -> str | None:
    """As of when to ask."""
    return None if past is None else past.text


def as_then(address: str, past: Past | None) -> str:
    """An address, as of the same moment."""
    # In a template that nobody told of a moment it is undefined.
    if not past:
        return address
    before, mark, place = address.partition("#")
    return f"{before}{'&' if '?' in before else '?'}{urlencode({NAME: past.text})}{mark}{place}"


def kept_fields(request: Request) -> Sequence[tuple[str, str]]:
    """What an address asks for beside the moment, without places in what it shows."""
    return [(name, value) for name, value in request.query_params.multi_items() if name not in _NOT_KEPT]


def as_now(request: Request) -> str:
    """The address of the same page as it is now."""
    fields = kept_fields(request)
    return f"{request.url.path}?{urlencode(fields)}" if fields else request.url.path
