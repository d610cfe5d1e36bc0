"""Answers of the server: JSON, and problems (RFC 9457) for whatever goes wrong."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger.errors import NotFoundError
from ledger.problems import BadMessageError, Problem, problem_of
from schemas.errors import LedgerError

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = 1

_HEADERS = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_SECONDS)},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer realm="runledger"'},
}


class BodyTooLargeError(BadMessageError):
    """A request with more bytes than the server takes."""


def reply(content: Any, *, position: int | None = None) -> Response:
    """An answer; ASCII only, since an id in it may be half of a surrogate pair.

    `position` is where the thing was changed last: its `ETag`.
    """
    headers = None if position is None else {"ETag": f'"{position}"'}
    return Response(json.dumps(content).encode(), media_type=JSON, headers=headers)


def refusal(error: LedgerError, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """The problem that an error comes to; `status` if it is another than its class has."""
    problem = problem_of(error)
    return problem_reply(problem | ({} if status is None else {"status": status}), headers)


def problem_reply(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as an answer."""
    usual = _HEADERS.get(problem["status"], {})
    return Response(
        json.dumps(problem).encode(),
        status_code=problem["status"],
        media_type=PROBLEM_JSON,
        headers={**usual, **(headers or {})},
    )


def answer_problems(app: FastAPI) -> None:
    """Let every error be answered by a problem, and none by a stack trace."""
    app.add_exception_handler(LedgerError, _of_ledger)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unexpected)


async def _of_ledger(_: Request, error: Exception) -> Response:
    if not isinstance(error, LedgerError):
        raise TypeError(error)
    if isinstance(error, BodyTooLargeError):
        # What was not read would be taken for the next request.
        return refusal(error, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"})
    return refusal(error)


async def _of_parameters(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return refusal(BadMessageError(f"{where}: {first['msg']}"), HTTPStatus.UNPROCESSABLE_ENTITY)


async def _of_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return refusal(NotFoundError(f"there is nothing at {request.url.path}; /openapi.json lists what there is"))
    text = f"{request.method} {request.url.path}: {error.detail}; /openapi.json lists what there is"
    return refusal(BadMessageError(text), error.status_code, error.headers)


async def _unexpected(_: Request, error: Exception) -> Response:
    # The server's log has the stack trace.
    return refusal(LedgerError(f"unexpected {type(error).__name__}; the server's log says more"))
