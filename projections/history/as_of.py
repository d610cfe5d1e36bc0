"""A run as it was: the fold of its events up to a position, without any store."""

from collections.abc import Iterable
from typing import Any

from ledger.errors import RunNotThereYetError
from ledger.feed import FeedEvent
from ledger.queries import Change, RunDocument
from projections.history.entries import BARE
from projections.runs.documents import document
from projections.runs.state import RunState, apply_event
from schemas.events import OpaqueEvent


def run_as_of(run_id: str, number: int, events: Iterable[FeedEvent], position: int) -> RunDocument:
    """The document of a run as of a position, any position of the log; `number` is the run's in its experiment.

    Raises:
        RunNotThereYetError: the run began later.
    """
    # What this program cannot read is in no view either.
    known = [event for event in events if not isinstance(event.event, OpaqueEvent)]
    state: RunState = {}
    for event in known:
        if event.position > position:
            break
        apply_event(state, event)
    if not state:
        raise RunNotThereYetError(run_id, position, known[0].position)
    return document(run_id, number if state["experiment"] else 0, state)


def differences(then: RunDocument, now: RunDocument) -> list[Change]:
    """What became of a run between two documents of it, field by field, as its history names them."""
    before, after = _flat(then), _flat(now)
    names = [*before, *(name for name in after if name not in before)]
    return [Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


_ITEMS = ("tags", "properties", "parameters")
_FIELDS = ("status", "display_name", "description", "archived", "attempt", "error", *("status_reason", "certainty"))


def _flat(run: RunDocument) -> dict[str, Any]:
    items = {f"{kind}.{key}": BARE if value is None else value for kind in _ITEMS for key, value in run[kind].items()}
    return {name: run[name] for name in _FIELDS if name in run} | items
