"""What the command answers to the shell, and how it says what went wrong."""

import json
from enum import IntEnum

from click import UsageError

from ledger.errors import NotFoundError, RefusedError, UnavailableError
from ledger.problems import Problem, problem_named, problem_of
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
    INCOMPLETE = 7
    INTERRUPTED = 130


# The first class that fits decides.
_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (NotFoundError, ExitCode.NOT_FOUND),
    (RefusedError, ExitCode.REFUSED),
    (UnavailableError, ExitCode.UNREACHABLE),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)

# What no ledger raises, by the name of its problem and the HTTP status that means the same.
_PROBLEMS: tuple[tuple[type[BaseException], str, int], ...] = (
    (UsageError, "wrong-usage", 400),
    (KeyboardInterrupt, "interrupted", 499),
    (OSError, "system-error", 500),
    (BaseException, "unexpected-error", 500),
)


def code_of(error: BaseException) -> ExitCode:
    """What the shell is answered."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.ERROR)


def described(error: BaseException, *, as_json: bool) -> str:
    """One line for a person, or one problem object (RFC 9457) for a program: the same that a server answers with."""
    detail = _detail(error)
    return json.dumps(_problem(error) | {"detail": detail}) if as_json else f"runledger: {detail}"


def _problem(error: BaseException) -> Problem:
    if isinstance(error, LedgerError):
        return problem_of(error)
    name, status = next((name, status) for kind, name, status in _PROBLEMS if isinstance(error, kind))
    return problem_named(name, status)


def _detail(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, UsageError):
        text = error.format_message()
        text += "" if text.endswith((".", "?", "!")) else "."
        return f"{text} Try `{error.ctx.command_path} --help`." if error.ctx is not None else text
    text = " ".join(str(error).split())
    if isinstance(error, LedgerError | OSError):
        return text
    return f"unexpected {type(error).__name__}: {text}. Run it again with --debug to see where"
