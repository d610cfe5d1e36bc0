"""The table of status transitions (parity 3.A and 3.B)."""

from schemas.statuses import TERMINAL, RunStatus

S = RunStatus
_BEFORE_RUNNING = (S.STARTING, S.PROVISIONING, S.PREPARING, S.QUEUED)
_ENDINGS = frozenset({S.CANCEL_REQUESTED, S.CANCELED, S.FAILED})


def _before_running(status: RunStatus) -> frozenset[RunStatus]:
    later = set(_BEFORE_RUNNING[_BEFORE_RUNNING.index(status) + 1 :])
    # The original is not consistent about the order of these two, so both directions are tolerated.
    if status is S.QUEUED:
        later.add(S.PREPARING)
    return frozenset(later) | _ENDINGS | {S.RUNNING, S.NOT_RESPONDING}


_NOT_TERMINAL = frozenset(RunStatus) - TERMINAL

TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    S.NOT_STARTED: frozenset(_BEFORE_RUNNING) | _ENDINGS | {S.RUNNING, S.UNAPPROVED},
    **{status: _before_running(status) for status in _BEFORE_RUNNING},
    S.UNAPPROVED: frozenset(_BEFORE_RUNNING) | _ENDINGS,
    S.RUNNING: _ENDINGS | {S.FINALIZING, S.COMPLETED, S.PAUSING, S.PAUSED, S.NOT_RESPONDING},
    S.PAUSING: frozenset({S.PAUSED, S.RUNNING, S.CANCEL_REQUESTED, S.FAILED}),
    S.PAUSED: _ENDINGS | {S.RUNNING},
    S.NOT_RESPONDING: (_NOT_TERMINAL | TERMINAL) - {S.NOT_RESPONDING},
    S.FINALIZING: TERMINAL | {S.NOT_RESPONDING},
    S.CANCEL_REQUESTED: TERMINAL,
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELED: frozenset(),
}


def may_change(old: RunStatus, new: RunStatus) -> bool:
    """Whether a status may follow another; the same status again is not a change."""
    return new in TRANSITIONS[old]


def allowed_from(old: RunStatus) -> str:
    """The statuses that may follow, for a person to read."""
    allowed = TRANSITIONS[old]
    if not allowed:
        return "nothing, it has ended (start_logging(run_id=..., resume='allow') begins another attempt)"
    return ", ".join(status for status in RunStatus if status in allowed)
