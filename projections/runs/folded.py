"""Runs as they were at a position, folded from their events; what was does not change, so it is kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from pydantic_core import to_json

from ledger.feed import Feed, FeedEvent
from projections.runs.state import RunState, apply_event
from projections.runs.values import Values, metrics_told
from schemas.events import OpaqueEvent
from schemas.streams import key_of

KEPT_RUNS = 50_000
"""So many are kept, of the positions that were asked for last."""

_AT_ONCE = 100


class Folded(NamedTuple):
    """A run as it was: its state as JSON, whether an event had named its experiment, and its last metrics."""

    created: int
    is_named: bool
    state: str
    metrics: Values


Fold: TypeAlias = Callable[[int, Sequence[str]], Mapping[str, Folded]]
"""Runs as of a position, by id."""


class Folds:
    """Folds runs of a log; threads may share it."""

    def __init__(self, feed: Feed) -> None:
        """Nothing is read before the first question."""
        self._feed = feed
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[object, Mapping[str, Folded]]] = OrderedDict()

    def at(self, position: int, run_ids: Sequence[str]) -> Mapping[str, Folded]:
        """These runs as of a position, by id, and others perhaps; those that this program cannot read are left out."""
        # What was does not change, but that personal text in it is erased.
        keys = self._feed.keys_changed()
        known, kept = self._kept.get(position, (keys, {}))
        if known != keys:
            kept = {}
        missing = [run_id for run_id in run_ids if run_id not in kept]
        if not missing:
            return kept
        # The more changes behind a position, the more runs: those that were folded before stay as they were.
        found = {**kept, **folded(self._feed, position, missing)}
        self._keep(position, keys, found)
        return found

    def _keep(self, position: int, keys: object, found: Mapping[str, Folded]) -> None:
        with self._lock:
            for other in [other for other, (known, _) in self._kept.items() if known != keys]:
                del self._kept[other]
            self._kept[position] = (keys, found)
            self._kept.move_to_end(position)
            while sum(len(runs) for _, runs in self._kept.values()) > KEPT_RUNS:
                self._kept.popitem(last=False)


def folded(feed: Feed, position: int, run_ids: Sequence[str]) -> dict[str, Folded]:
    """Runs as of a position, by id, from their events up to it."""
    found: dict[str, Folded] = {}
    for start in range(0, len(run_ids), _AT_ONCE):
        found |= _folded(feed.of_runs(run_ids[start : start + _AT_ONCE], position))
    return found


def _folded(events: Sequence[FeedEvent]) -> dict[str, Folded]:
    states: dict[str, tuple[RunState, Values]] = {}
    for happened in events:
        # What this program cannot read is in no view either.
        if isinstance(happened.event, OpaqueEvent):
            continue
        stream = happened.envelope.stream
        state, metrics = states.get(stream) or ({}, {})
        apply_event(state, happened)
        told = metrics_told(happened.event)
        states[stream] = (state, metrics if told is None else told)
    return {
        key_of(stream): Folded(state["created"], bool(state["experiment"]), to_json(state).decode(), metrics)
        for stream, (state, metrics) in states.items()
    }
