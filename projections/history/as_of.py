"""A run as it was: the fold of its events up to a position, without any store."""

from collections.abc import Iterable

from ledger.errors import RunNotThereYetError
from ledger.feed import FeedEvent
from ledger.queries import RunDocument
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
