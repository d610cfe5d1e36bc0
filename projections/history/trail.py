"""What a run's document leaves out and its events tell: where each attempt ran, its last lines, its last event."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.feed import FeedEvent
from projections.history.entries import recorded_utc
from schemas.events import RunOrigin, RunResumedEvent, RunStartedEvent, RunStatusChangedEvent, readable
from schemas.statuses import TERMINAL

TYPES = tuple(name for kind in (RunStartedEvent, RunResumedEvent, RunStatusChangedEvent) for name in kind.type_names())
"""The types of events that tell it, beside the last one."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Where a run ran, attempt by attempt, and what proves it.

    Each of `origins` has the fields of `RunOrigin` that are known. `log_lines` are the last that the
    present attempt wrote. `position`, `seq`, `hash` (hex) and `recorded_at` are of the last event.
    """

    origins: Sequence[dict[str, Any]]
    log_lines: Sequence[str]
    position: int
    seq: int
    hash: str
    recorded_at: str


def trail_of(events: Iterable[FeedEvent], last: FeedEvent) -> Trail:
    """The trail of a run from its events of `TYPES`, and its last one."""
    origins: list[dict[str, Any]] = []
    lines: Sequence[str] = ()
    for happened in events:
        match happened.event:
            case RunStartedEvent(origin=origin) | RunResumedEvent(origin=origin):
                origins.append(_readable(origin))
                lines = ()
            case RunStatusChangedEvent(status=status, log_lines=found) if status in TERMINAL:
                lines = [readable(line) or "" for line in found] or lines
            case _:
                pass
    return Trail(origins, lines, last.position, last.envelope.seq, last.hash.hex(), recorded_utc(last))


def _readable(origin: RunOrigin) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(origin, name) for name in ("host", "python", "process_id", "restart")}
    found |= {name: readable(getattr(origin, name)) for name in ("user", "email", "working_directory", "script")}
    if origin.command_line is not None:
        found["command_line"] = [readable(part) or "" for part in origin.command_line]
    if origin.git is not None:
        git = {name: getattr(origin.git, name) for name in ("branch", "commit", "dirty")}
        found["git"] = {"repository": readable(origin.git.repository), **git}
    return {name: value for name, value in found.items() if value is not None}
