"""What the command answers to the shell, and how it says what went wrong."""

import json
from dataclasses import dataclass
from enum import IntEnum

from click import UsageError

from ledger.errors import (
    ConflictError,
    LogRefusedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    WorkspaceError,
)
from schemas.errors import LedgerError


class ExitCode(IntEnum):
    """Exit codes; scripts rely on them."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    CHECK_FAILED = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Failure:
    """What a class of errors comes to; `status` is the HTTP status that means the same (RFC 9457)."""

    code: ExitCode
    status: int
    title: str


_UNEXPECTED = Failure(ExitCode.ERROR, 500, "Unexpected error")

# The first class that fits decides.
_FAILURES: tuple[tuple[type[BaseException], Failure], ...] = (
    (UsageError, Failure(ExitCode.USAGE, 400, "Wrong usage")),
    (NotFoundError, Failure(ExitCode.NOT_FOUND, 404, "Not found")),
    (RefusedError, Failure(ExitCode.REFUSED, 422, "Refused")),
    (ConflictError, Failure(ExitCode.ERROR, 409, "Conflict")),
    (UnavailableError, Failure(ExitCode.UNREACHABLE, 503, "Unavailable")),
    (LogRefusedError, Failure(ExitCode.ERROR, 500, "Log refused")),
    (WorkspaceError, Failure(ExitCode.ERROR, 400, "Unusable workspace")),
    (LedgerError, Failure(ExitCode.ERROR, 500, "Ledger error")),
    (KeyboardInterrupt, Failure(ExitCode.INTERRUPTED, 499, "Interrupted")),
    (OSError, Failure(ExitCode.ERROR, 500, "System error")),
)


def failure_of(error: BaseException) -> Failure:
    """What an error comes to."""
    return next((failure for kind, failure in _FAILURES if isinstance(error, kind)), _UNEXPECTED)


def described(error: BaseException, *, as_json: bool) -> str:
    """One line for a person, or one problem object (RFC 9457) for a program."""
    failure = failure_of(error)
    detail = _detail(error, failure)
    if not as_json:
        return f"runledger: {detail}"
    kind = f"urn:runledger:problem:{failure.title.lower().replace(' ', '-')}"
    return json.dumps({"type": kind, "title": failure.title, "status": failure.status, "detail": detail})


def _detail(error: BaseException, failure: Failure) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, UsageError):
        text = error.format_message()
        return f"{text} Try `{error.ctx.command_path} --help`." if error.ctx is not None else text
    text = " ".join(str(error).split())
    if failure is _UNEXPECTED:
        return f"unexpected {type(error).__name__}: {text}. Run it again with --debug to see where"
    return text
