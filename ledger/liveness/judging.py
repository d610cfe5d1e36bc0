"""The policy: what a silence means for a run, and what its end means. Pure functions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ledger.commands import ChangeStatus, RunCommand, WarnRun, derived_id
from ledger.errors import RefusedError
from ledger.liveness.roll import Silence
from ledger.liveness.standings import Standing
from schemas.statuses import TERMINAL, RunStatus

S = RunStatus

EXPECTED = frozenset({S.STARTING, S.PROVISIONING, S.PREPARING, S.RUNNING, S.FINALIZING})
"""The statuses in which a process of the run is expected to be heard, and that may become NotResponding (3.B)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_INTERVAL = 4


class BadDeadlineError(RefusedError):
    """Deadlines that cannot be kept."""


class Judgement(StrEnum):
    """What is said of a run from outside."""

    NOT_RESPONDING = "not-responding"
    HEARD_AGAIN = "heard-again"
    PRESUMED_FAILED = "presumed-failed"
    ALIVE_AFTER_ALL = "alive-after-all"

    @property
    def is_of_silence(self) -> bool:
        """Whether it would be wrong if anything had been heard."""
        return self in {Judgement.NOT_RESPONDING, Judgement.PRESUMED_FAILED}


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds of silence until a run is NotResponding, and until its end is presumed, if ever.

    `interval` lies between two records of what a server heard. The original's deadline is 120 s (parity 3.B).
    """

    not_responding: float = 120.0
    presumed: float | None = None
    interval: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what would judge the living.

        Raises:
            BadDeadlineError: a deadline is too short for the interval, or their order is wrong.
        """
        if not 0 < self.interval <= self.not_responding / _LONGEST_INTERVAL:
            raise BadDeadlineError(
                f"what was heard is recorded every {self.interval:g} s: that must be more than 0 and at most a fourth "
                f"of the {self.not_responding:g} s after which a run is NotResponding"
            )
        if self.presumed is not None and self.presumed <= self.not_responding:
            raise BadDeadlineError(
                f"an end is presumed after {self.presumed:g} s: that must be longer than the "
                f"{self.not_responding:g} s after which a run is NotResponding"
            )

    @property
    def longest_gap(self) -> float:
        """The longest pause in reading that is no break: it leaves who lives half of the deadline to be heard."""
        return self.not_responding / 2

    @property
    def sign_seconds(self) -> float:
        """How old a sign of life may be when it is recorded: a pause that is no break loses none."""
        return self.interval + self.longest_gap


def judge(standing: Standing, silence: Silence, deadlines: Deadlines) -> Judgement | None:
    """What is to be said of a run, if anything.

    The interval is waited for beside the deadline: what was heard just before its end is recorded by then.
    """
    if silence.again and standing.status is S.NOT_RESPONDING:
        return Judgement.HEARD_AGAIN
    if silence.again and standing.presumed and standing.status in TERMINAL:
        return Judgement.ALIVE_AFTER_ALL
    if not silence.expected:
        return None
    if standing.status in EXPECTED and silence.seconds >= deadlines.not_responding + deadlines.interval:
        return Judgement.NOT_RESPONDING
    if standing.status is not S.NOT_RESPONDING or deadlines.presumed is None:
        return None
    return Judgement.PRESUMED_FAILED if silence.seconds >= deadlines.presumed + deadlines.interval else None


def is_settled(standing: Standing | None, silence: Silence, deadlines: Deadlines) -> bool:
    """Whether there will be nothing to say of a run: it has ended, was never there, or everybody has left it."""
    if standing is not None and standing.status in TERMINAL:
        return not standing.presumed
    patient = silence.seconds < deadlines.not_responding + deadlines.interval
    return not patient and (standing is None or not silence.expected)


def command_for(
    judgement: Judgement, run_id: str, standing: Standing, silence: Silence, deadlines: Deadlines, log_id: str
) -> RunCommand:
    """The command that says it: the same, under the same id, whichever server judges the same standing."""
    command = derived_id(log_id, f"liveness/{run_id}/{standing.since}/{judgement}")
    last = f"last at {_EPOCH + timedelta(milliseconds=silence.last):%F %T} UTC"
    match judgement:
        case Judgement.NOT_RESPONDING:
            reason = f"nothing was heard of the run for {deadlines.not_responding:g} s ({last})"
            return _change(command, run_id, standing, S.NOT_RESPONDING, reason)
        case Judgement.HEARD_AGAIN:
            return _change(command, run_id, standing, standing.previous or S.RUNNING, "heard again")
        case Judgement.ALIVE_AFTER_ALL:
            message = f"a process of the run was heard of after the run was presumed {standing.status}"
            return WarnRun(command=command, run_id=run_id, source="liveness", code=judgement, message=message)
        case Judgement.PRESUMED_FAILED:
            return _presume(command, run_id, standing, f"for {deadlines.presumed or 0:g} s ({last})")


def _change(command: str, run_id: str, standing: Standing, status: RunStatus, reason: str) -> ChangeStatus:
    return ChangeStatus(
        command=command,
        run_id=run_id,
        status=status,
        reason=reason,
        begun_by=standing.begun_by,
        previous=standing.status,
    )


def _presume(command: str, run_id: str, standing: Standing, silent: str) -> ChangeStatus:
    message = f"Nothing was heard of the run {silent}. Its process, or its host, is presumed dead."
    return ChangeStatus(
        command=command,
        run_id=run_id,
        status=S.FAILED,
        reason=f"nothing was heard of the run {silent}",
        error={"code": "NotHeardOf", "message": message},
        certainty="presumed from silence: the process may live, and be cut off from the ledger",
        presumed=True,
        begun_by=standing.begun_by,
        previous=standing.status,
    )
