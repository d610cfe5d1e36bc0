"""The attempts of runs that have not ended, and how those of each experiment ended before."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.feed import FeedEvent
from schemas.conditions import LAST_ENDS
from schemas.events import RunStartedEvent
from schemas.statuses import TERMINAL, RunStatus


@dataclass(frozen=True, slots=True)
class Moment:
    """An event that something is measured from."""

    position: int
    hash: bytes
    recorded_at: int


@dataclass(slots=True)
class Attempt:
    """An attempt that has not ended: since when, and since when in its present status."""

    run_id: str
    experiment: str
    root_run_id: str | None
    is_child: bool
    began: Moment
    status: RunStatus
    changed: Moment


class Unended:
    """Every attempt under way, the last ends of each experiment, and how many runs below each root failed."""

    def __init__(self) -> None:
        """No runs."""
        self._attempts: dict[str, Attempt] = {}
        self._ends: dict[str, deque[RunStatus]] = {}
        self._all_ends: dict[str, deque[RunStatus]] = {}
        self._failed: Counter[str] = Counter()

    def begin(self, run_id: str, event: RunStartedEvent, happened: FeedEvent) -> Attempt:
        """A run began; it may have ended at once."""
        child, root = event.parent_run_id is not None, event.root_run_id
        return self._begin(run_id, event.experiment, root, event.status, happened, child=child)

    def resume(self, run_id: str, experiment: str, root: str | None, happened: FeedEvent, *, child: bool) -> Attempt:
        """Another attempt of a run began."""
        return self._begin(run_id, experiment, root, RunStatus.RUNNING, happened, child=child)

    def move(self, run_id: str, status: RunStatus, happened: FeedEvent) -> Attempt | None:
        """An attempt came to another status; None where none is under way."""
        attempt = self._attempts.get(run_id)
        if attempt is not None:
            attempt.status, attempt.changed = status, _moment(happened)
            if status in TERMINAL:
                self._end(attempt)
        return attempt

    def get(self, run_id: str) -> Attempt | None:
        """An attempt under way."""
        return self._attempts.get(run_id)

    def failed_below(self, run_id: str) -> int:
        """How often runs below a root have failed so far."""
        return self._failed.get(run_id, 0)

    def ends(self, experiment: str, *, children: bool) -> tuple[RunStatus, ...]:
        """How the last runs of an experiment ended, the last one last."""
        return tuple((self._all_ends if children else self._ends).get(experiment, ()))

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._attempts.values())

    def __len__(self) -> int:
        return len(self._attempts)

    def _begin(
        self, run_id: str, experiment: str, root: str | None, status: RunStatus, happened: FeedEvent, *, child: bool
    ) -> Attempt:
        moment = _moment(happened)
        attempt = Attempt(run_id, experiment, root, child, moment, status, moment)
        self._attempts[run_id] = attempt
        if status in TERMINAL:
            self._end(attempt)
        return attempt

    def _end(self, attempt: Attempt) -> None:
        self._attempts.pop(attempt.run_id, None)
        for ends in (self._all_ends,) if attempt.is_child else (self._all_ends, self._ends):
            ends.setdefault(attempt.experiment, deque(maxlen=LAST_ENDS)).append(attempt.status)
        if attempt.is_child and attempt.root_run_id and attempt.status is RunStatus.FAILED:
            self._failed[attempt.root_run_id] += 1


def _moment(happened: FeedEvent) -> Moment:
    return Moment(happened.position, happened.hash, happened.recorded_at)
