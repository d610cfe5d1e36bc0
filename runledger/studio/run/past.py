"""The history of a run as its tab shows it: which events, which of them at once, and the run as of one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request

from ledger.errors import InvalidNameError
from ledger.filters import microseconds_of
from ledger.queries import HistoryEntry, RunDocument
from projections.history.as_of import differences
from runledger.server.desk import Desk
from runledger.studio.pages import position_in

_PAGE = 50
_DIGITS = 18
_APART = 60_000_000
"""Microseconds between what is claimed and what is recorded that are worth telling."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: events of one kind, those before a number, the run as of a position or a time."""

    kind: str = ""
    before: int | None = None
    as_of: int | None = None
    time: str = ""

    @classmethod
    def parse(cls, request: Request) -> "Asked":
        """Read an address; what is no number asks for nothing."""
        asked = request.query_params
        before, as_of = (_number(asked.get(name, "")) for name in ("before", "as_of"))
        return cls(asked.get("kind", ""), before, as_of, asked.get("time", "").strip())

    def position(self, entries: Sequence[HistoryEntry]) -> int | None:
        """As of which position the run is asked for; raises InvalidNameError for a time that is none."""
        return position_at(entries, self.time) if self.time else self.as_of


async def history_of(desk: Desk, request: Request, run: RunDocument) -> dict[str, Any]:
    """What `run/history.html` shows of a run; raises RunNotThereYetError."""
    asked, queries = Asked.parse(request), desk.parts.queries
    entries = await desk.ask(partial(queries.history, run["run_id"]), position_in(request))
    shown: dict[str, Any] = {
        "asked": asked,
        "kinds": kinds_of(entries),
        "then": None,
        "all_entries": [(kind_of(each), each) for each in reversed(entries)],
    }
    shown |= page_of(entries, asked)
    as_of = asked.position(entries)
    if as_of is not None:
        then = await desk.in_thread(partial(queries.run_as_of, run["run_id"], as_of))
        at = next(each for each in reversed(entries) if each.position <= as_of)
        shown |= {"as_of": as_of, "then": then, "at": at, "since": differences(then, run)}
    return shown


def position_at(entries: Sequence[HistoryEntry], time: str) -> int:
    """The position of the last event that was recorded up to a moment, in UTC unless it names a zone."""
    until = microseconds_of(time)
    before = [entry.position for entry in entries if microseconds_of(entry.recorded_at) <= until]
    return before[-1] if before else entries[0].position - 1


def kind_of(entry: HistoryEntry) -> str:
    """The kind of an event in the manner of an address: `run.tagged`."""
    name = entry.event.removeprefix("runledger.")
    return name.rpartition(".")[0] or name


def kinds_of(entries: Sequence[HistoryEntry]) -> dict[str, int]:
    """How many events of each kind there are, the most frequent first."""
    return dict(Counter(map(kind_of, entries)).most_common())


def page_of(entries: Sequence[HistoryEntry], asked: Asked) -> dict[str, Any]:
    """The newest that are asked for, and the number before which the next page goes on."""
    wanted = [
        entry
        for entry in reversed(entries)
        if asked.kind in {"", kind_of(entry)} and (asked.before is None or entry.seq < asked.before)
    ]
    page = wanted[:_PAGE]
    return {
        "entries": [(kind_of(entry), entry, claimed(entry)) for entry in page],
        "next_before": page[-1].seq if len(wanted) > _PAGE else None,
    }


def claimed(entry: HistoryEntry) -> str | None:
    """When its writer says that an event happened, if that is not about when it was recorded."""
    try:
        apart = abs(microseconds_of(entry.recorded_at) - microseconds_of(entry.occurred_at))
    except (InvalidNameError, OverflowError):
        return None
    return entry.occurred_at if apart > _APART else None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
