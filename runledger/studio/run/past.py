"""The history of a run as its tab shows it: which events, which of them at once, and the run as of one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request

from ledger.queries import HistoryEntry, RunDocument
from projections.history.as_of import differences
from runledger.server.desk import Desk
from runledger.studio.pages import position_in

_PAGE = 50
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: events of one kind, those before a number, the run as of a position."""

    kind: str = ""
    before: int | None = None
    as_of: int | None = None

    @classmethod
    def parse(cls, request: Request) -> "Asked":
        """Read an address; what is no number asks for nothing."""
        asked = request.query_params
        return cls(asked.get("kind", ""), _number(asked.get("before", "")), _number(asked.get("as_of", "")))


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
    if asked.as_of is not None:
        then = await desk.in_thread(partial(queries.run_as_of, run["run_id"], asked.as_of))
        at = next(each for each in reversed(entries) if each.position <= asked.as_of)
        shown |= {"then": then, "at": at, "since": differences(then, run)}
    return shown


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
        "entries": [(kind_of(entry), entry) for entry in page],
        "next_before": page[-1].seq if len(wanted) > _PAGE else None,
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
