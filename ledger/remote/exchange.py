"""One request and its answer on one connection."""

import json
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

from ledger.artifacts.download import download
from ledger.errors import UnavailableError

FIRST_PROBLEM = 300
"""The first status that is no success."""

_FILE_SECONDS = 120.0
"""How long a file may stand still on its way: a server writes a large one to its disk before it answers."""
_FILE_BLOCK = 1 << 18


class Request(NamedTuple):
    """`opens` if the answer is a file, which is read by who asked."""

    method: str
    path: str
    body: bytes | BinaryIO | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    opens: bool = False


class Reply(NamedTuple):
    """An answer: its JSON, or the file that it brings."""

    status: int
    content: Any
    opened: BinaryIO | None = None

    @property
    def stream(self) -> BinaryIO:
        """The file; raises UnavailableError."""
        if self.opened is None:
            raise UnavailableError("the server sent no file")
        return self.opened


class NoAnswerError(Exception):
    """The exchange broke off; `sent` if the server may have got the request."""

    def __init__(self, cause: OSError | HTTPException, *, sent: bool) -> None:
        super().__init__(str(cause))
        self.cause, self.sent = cause, sent


def exchange(
    connection: HTTPConnection,
    request: Request,
    headers: Mapping[str, str],
    seconds: float,
    give_back: Callable[[HTTPConnection], None],
) -> Reply:
    """Send a request and read its answer, each step for at most `seconds`; a file is given more.

    A connection that an answer still comes by is handed to `give_back` once the file was read.

    Raises:
        NoAnswerError: the connection cannot be made, or broke.
    """
    sent = False
    connection.timeout = seconds
    try:
        if connection.sock is None:
            connection.connect()
        is_file = request.opens or not isinstance(request.body, bytes | None)
        connection.sock.settimeout(_FILE_SECONDS if is_file else seconds)
        sent = True
        response = _answered(connection, request, {**headers, **request.headers})
        if request.opens and response.status < FIRST_PROBLEM:
            return Reply(response.status, None, download(connection, response, give_back))
        return Reply(response.status, _content(response))
    except (OSError, HTTPException) as error:
        raise NoAnswerError(error, sent=sent) from error


def _answered(connection: HTTPConnection, request: Request, headers: Mapping[str, str]) -> HTTPResponse:
    if isinstance(request.body, bytes | None):
        connection.request(request.method, request.path, request.body, headers)
        return connection.getresponse()
    request.body.seek(0)
    connection.blocksize = _FILE_BLOCK
    try:
        connection.request(request.method, request.path, request.body, headers)
    except (BrokenPipeError, ConnectionResetError):
        # It may have said why it takes no more of it.
        return connection.getresponse()
    return connection.getresponse()


def _content(response: HTTPResponse) -> Any:
    raw = response.read()
    try:
        return json.loads(raw)
    except ValueError:
        return None
