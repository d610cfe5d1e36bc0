"""Errors as problems (RFC 9457), and problems as errors of the same class again."""

import re
from functools import cache
from http import HTTPStatus
from typing import Any

from ledger import errors
from ledger.errors import (
    ChangedSinceError,
    CommandReusedError,
    ConflictError,
    ForbiddenError,
    ForeignRequestError,
    LostRaceError,
    NotFoundError,
    RefusedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    WorkspaceError,
)
from schemas.errors import LedgerError

Problem = dict[str, Any]

PROBLEM = "urn:runledger:problem:"


class BadMessageError(RefusedError):
    """A request that is not what it should be; nothing was done."""


# The first class that fits decides.
_STATUSES: tuple[tuple[type[LedgerError], int], ...] = (
    (BadMessageError, 400),
    (ChangedSinceError, 412),
    (CommandReusedError, 409),
    (TooLargeError, 413),
    (UnauthenticatedError, 401),
    (ForbiddenError, 403),
    (ForeignRequestError, 403),
    (RefusedError, 422),
    (NotFoundError, 404),
    (ConflictError, 409),
    (LostRaceError, 409),
    (UnavailableError, 503),
)


def problem_of(error: LedgerError) -> Problem:
    """An error as a problem (RFC 9457): what its class holds are members beside `detail`."""
    name = problem_name(type(error))
    status = next((status for refused, status in _STATUSES if isinstance(error, refused)), 500)
    members = {key: value for key, value in vars(error).items() if isinstance(value, _SIMPLE)}
    return members | problem_named(name, status) | {"detail": str(error)}


def problem_named(name: str, status: int) -> Problem:
    """A problem of a name and a status, without its detail."""
    return {"type": PROBLEM + name, "title": name.replace("-", " ").capitalize(), "status": status}


def problem_name(kind: type[LedgerError]) -> str:
    """The name of a class of errors, or of the nearest above it that clients know."""
    return next(name for each in kind.__mro__ for name, known in _error_kinds().items() if known is each)


def error_of(problem: Problem) -> LedgerError:
    """The error that a problem describes, of the same class where this program has it."""
    kind = _error_kinds().get(str(problem.get("type")).removeprefix(PROBLEM)) or _kind_of_status(problem.get("status"))
    # Errors are made anew from what they came to, not from what they were made of.
    error = kind.__new__(kind, str(problem.get("detail") or problem.get("title") or problem))
    error.__dict__.update({key: value for key, value in problem.items() if key not in _STANDARD})
    return error


_STANDARD = frozenset({"type", "title", "status", "detail", "instance"})
_SIMPLE = (str, int, float, list, type(None))


@cache
def _error_kinds() -> dict[str, type[LedgerError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, LedgerError)]
    return {_kebab(kind): kind for kind in [*found, BadMessageError]}


def _kind_of_status(status: object) -> type[LedgerError]:
    """What an answer comes to that is no problem of ours: a proxy's, or another program's."""
    if status in {502, 503, 504}:
        return UnavailableError
    if status == HTTPStatus.UNAUTHORIZED:
        return UnauthenticatedError
    if status == HTTPStatus.FORBIDDEN:
        return ForbiddenError
    if status in {413, 429}:
        return RefusedError
    return WorkspaceError


def _kebab(kind: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__.removesuffix("Error")).lower()
