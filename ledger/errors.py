"""What the ledger refuses, cannot find, or cannot reach: the caller's only question is which."""

import json
from collections.abc import Mapping, Sequence

from schemas.errors import LedgerError

_NAMED = 20


class RefusedError(LedgerError):
    """A rule says no; the same command will be refused again."""


class InvalidNameError(RefusedError):
    """A name that breaks its rule."""


class LimitExceededError(RefusedError):
    """More than a configured limit allows."""


class BadValueError(RefusedError):
    """A value, name or step that cannot be logged as it is."""


class BadRuleError(RefusedError):
    """An alert rule that cannot be, or can never match."""


class WrittenOnceError(RefusedError):
    """A property or parameter has a value already, and keeps it (parity F2)."""

    def __init__(self, what: str, key: str, old: object, new: object) -> None:
        super().__init__(
            f"{what} {key!r} is {old!r} and cannot become {new!r}: "
            f"it is written once. Use a tag for a value that changes."
        )
        self.what, self.key, self.old, self.new = what, key, old, new


class StatusRefusedError(RefusedError):
    """A status change that the table of transitions does not have (parity 3.B)."""

    def __init__(self, run_id: str, old: str, new: str, allowed: str) -> None:
        super().__init__(f"run {run_id} is {old} and cannot become {new}; from here it may become: {allowed}")
        self.run_id, self.old, self.new = run_id, old, new


class ChangedSinceError(RefusedError):
    """What is to be changed was changed by others since the caller looked; `changes` says by whom, when, to what."""

    def __init__(self, as_of: int, position: int, changes: Sequence[Mapping[str, object]]) -> None:
        said = "; ".join(f"{each['actor']} changed {each['field']} at {each['occurred_at']}" for each in changes)
        super().__init__(f"since position {as_of}: {said}. Look again, and send it as of position {position}.")
        self.as_of, self.position, self.changes = as_of, position, [dict(each) for each in changes]


class CommandReusedError(RefusedError):
    """A command id that was used before, for another command."""

    def __init__(self, command: str) -> None:
        super().__init__(f"command id {command} was used for another command; choose a new id")
        self.command = command


class BadContentError(RefusedError):
    """A file that is not what it is said to be, or that was never sent."""


class SnapshotError(RefusedError):
    """A snapshot that is too large, is there already, or is not there (parity B4)."""


class DeniedError(RefusedError):
    """Who asks may not; with another token the same command may be carried out."""


class UnauthenticatedError(DeniedError):
    """No token, or one that is not valid (any more)."""


class ForbiddenError(DeniedError):
    """A valid token, of a user who lacks the right."""

    def __init__(self, text: str, right: str) -> None:
        super().__init__(text)
        self.right = right


class ForeignRequestError(DeniedError):
    """A page of another site may be behind it: it lacks what only our own pages have."""


class NotFoundError(LedgerError):
    """The thing that was named is not in this ledger."""


class RunNotFoundError(NotFoundError):
    """No run has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {run_id!r} in this workspace; `runledger run list` shows the runs")
        self.run_id = run_id


class MomentAheadError(NotFoundError):
    """Something is asked for as of a moment that has not come yet."""


class NotThereYetError(NotFoundError):
    """Something is asked for as of a position before its first event."""

    def __init__(self, what: str, name: str, position: int, first: int) -> None:
        super().__init__(f"as of position {position:,} there was no {what} {name!r}: it begins at position {first:,}")
        self.position, self.first = position, first


class RunNotThereYetError(NotThereYetError):
    """The run is asked for as of a position before its first event."""

    def __init__(self, run_id: str, position: int, first: int) -> None:
        super().__init__("run", run_id, position, first)
        self.run_id = run_id


class ExperimentNotFoundError(NotFoundError):
    """No experiment has this name or id."""

    def __init__(self, experiment: str) -> None:
        super().__init__(f"there is no experiment {experiment!r} in this workspace; its first run makes one")
        self.experiment = experiment


class ArtifactNotFoundError(NotFoundError):
    """The run has no file of this name."""

    def __init__(self, run_id: str, name: str, names: Sequence[str] = ()) -> None:
        shown = ", ".join(map(repr, names[:_NAMED])) + (f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else "")
        super().__init__(f"run {run_id} has no file {name!r}; it has: {shown or 'none'}")
        self.run_id, self.name = run_id, name


class ContentNotFoundError(NotFoundError):
    """No content with this SHA-256 is kept."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"no file with the SHA-256 {sha256[:80]!r} is kept in this workspace: it never was, or it was erased"
        )
        self.sha256 = sha256


class ViewNotFoundError(NotFoundError):
    """No saved view has this id, or not any more."""

    def __init__(self, view_id: str) -> None:
        super().__init__(f"there is no view {view_id[:80]!r}; `runledger view list` shows the views")
        self.view_id = view_id


class RuleNotFoundError(NotFoundError):
    """No alert rule has this id."""

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"there is no alert rule {rule_id!r} in this workspace; define it first")
        self.rule_id = rule_id


class SilenceNotFoundError(NotFoundError):
    """No silence has this id."""

    def __init__(self, silence_id: str) -> None:
        super().__init__(f"there is no silence {silence_id!r} in this workspace; `runledger alert silences` shows them")
        self.silence_id = silence_id


class UserNotFoundError(NotFoundError):
    """No user has this name."""

    def __init__(self, user: str) -> None:
        super().__init__(f"there is no user {user!r} in this workspace; `runledger user add {user}` adds one")
        self.user = user


class TokenNotFoundError(NotFoundError):
    """No token has this id."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"there is no token {token_id!r} in this workspace; `runledger token list` shows the tokens")
        self.token_id = token_id


class ConflictError(LedgerError):
    """Others kept changing the same thing; trying again later may succeed."""


class LostRaceError(LedgerError):
    """Another event took the place in the stream: load again, decide again."""

    def __init__(self, stream: str, seq: int) -> None:
        super().__init__(f"{stream} has moved on: event {seq} does not follow its head")
        self.stream, self.seq = stream, seq


class PoisonedError(LedgerError):
    """An aggregate whose last append was lost or is in doubt must be loaded again."""


class TooLargeError(RefusedError):
    """An append that does not fit into one batch of the log; refused before it is sent."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the append takes {size:,} bytes and the log allows {limit:,}; split it")
        self.size, self.limit = size, limit


class UnavailableError(LedgerError):
    """The ledger cannot be reached or cannot store now; nothing was stored."""


class NotReadyError(UnavailableError):
    """It answers, and is not ready to serve yet: it is starting, or coming back."""


class UnknownOutcomeError(UnavailableError):
    """No answer before the deadline: it may be stored or not; the same command id finds out."""


class NewerHistoryError(UnavailableError):
    """What is to be decided on holds events that only a newer version can read; one that can will decide."""

    def __init__(self, stream: str, type_name: str, place: int) -> None:
        super().__init__(
            f"{stream} holds an event that a newer version of runledger wrote ({type_name}, position {place}), and "
            "this version does not decide on what it cannot read. Upgrade it, or send the command to a server that is."
        )
        self.stream, self.event_type, self.place = stream, type_name, place


class LogStoppedError(UnavailableError):
    """What a running process found wrong with its log: nothing is written until that was put right."""


class LogRefusedError(LedgerError):
    """The log is not the one this ledger was made for, or is set up in a way that loses history."""


class DamagedLogError(LogRefusedError):
    """The log holds bytes that its own checksums, or its form, say are not what was written."""


class WorkspaceError(LedgerError):
    """The folder is not a workspace, or not one that can be used from here."""


class RunEnvironmentError(LedgerError):
    """The script was not submitted: no run is named by its environment."""


class ActivityFailedError(LedgerError):
    """The run that was waited for has failed; `error` is what its details say."""

    def __init__(self, run_id: str, error: Mapping[str, object]) -> None:
        super().__init__(f"run {run_id} failed: {json.dumps(error, indent=2, default=str)}")
        self.run_id, self.error = run_id, dict(error)


class RunCanceled(BaseException):
    """Somebody wants this run to be canceled, and its script asked to be told so (`on_cancel="raise"`).

    No `Exception`: a `except Exception` around a training step shall not swallow it.
    """

    def __init__(self, run_id: str, reason: str) -> None:
        super().__init__(run_id, reason)
        self.run_id, self.reason = run_id, reason

    def __str__(self) -> str:
        return f"run {self.run_id} was {self.reason}"


class ExperimentExecutionError(LedgerError):
    """A run could not be submitted, or is no longer waited for."""


# The names by which scripts of the original catch them (parity B4, F2, G1, H2, H8, 2.C).
AzureMLException = LedgerError
ServiceException = LedgerError
SnapshotException = SnapshotError
UserErrorException = RefusedError
RunEnvironmentException = RunEnvironmentError
ActivityFailedException = ActivityFailedError
ExperimentExecutionException = ExperimentExecutionError
