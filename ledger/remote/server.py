"""A server: its connections, which are kept, and the patience with which it is asked."""

import json
import os
import random
import ssl
import time
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from ledger.errors import UnavailableError, UnknownOutcomeError, WorkspaceError
from ledger.problems import Problem, error_of
from ledger.remote.exchange import FIRST_PROBLEM, NoAnswerError, Reply, Request, exchange

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_ATTEMPT_SECONDS = 12.0
_IN_DOUBT = "The command may be stored or not; send it again with the same id."


class Server:
    """Requests are tried again until `seconds` are over.

    Threads may share it, and a forked child may go on with it; it is told so by `forked`.
    """

    def __init__(self, location: str, token: str | None, *, seconds: float, forked: Callable[[], None]) -> None:
        """Name the server; nothing is sent before the first call.

        Raises:
            WorkspaceError: the URL names no server.
        """
        parts = urlsplit(location)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise WorkspaceError(f"{location!r} names no server; write http://HOST:PORT, and give a token by itself")
        self.location = location.rstrip("/")
        self.path = parts.path.rstrip("/") + "/api/v1"
        self._host, self._port, self._secure = parts.hostname, _port(location), parts.scheme == "https"
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._seconds = seconds
        self._forked = forked
        self._tls: ssl.SSLContext | None = None
        self._begin_process()

    def call(self, method: str, path: str, content: object = None, *, attempt: float = _ATTEMPT_SECONDS) -> Any:
        """Send JSON, and answer with JSON; raises what the server says no with, and UnavailableError.

        `attempt` is how many seconds one answer may take.
        """
        body = None if content is None else json.dumps(content).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self.send(Request(method, self.path + path, body, headers), attempt=attempt).content

    def send(self, request: Request, *, attempt: float = _ATTEMPT_SECONDS) -> Reply:
        """Send a request until it is answered; raises as `call` does."""
        longer = attempt if attempt > _ATTEMPT_SECONDS else 0
        end, pause, in_doubt = time.monotonic() + max(self._seconds, longer), _FIRST_PAUSE, False
        while True:
            left = max(end - time.monotonic(), _FIRST_PAUSE)
            try:
                return self._exchange(request, min(left, attempt))
            except UnavailableError as error:
                in_doubt = in_doubt or (request.method == "POST" and isinstance(error, UnknownOutcomeError))
                if time.monotonic() + pause > end:
                    if in_doubt and not isinstance(error, UnknownOutcomeError):
                        raise UnknownOutcomeError(f"{error} {_IN_DOUBT}") from error
                    raise
            # Not all clients at once, when a server comes back.
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connections that are idle; those in use close when their call ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, request: Request, seconds: float) -> Reply:
        """Send a request and read its answer, on a connection that is kept where there is one."""
        sent, kept = False, True
        while True:
            connection, kept = self._connection()
            try:
                reply = exchange(connection, request, self._headers, seconds, self._give_back)
            except NoAnswerError as failed:
                connection.close()
                sent = sent or failed.sent
                # The server may have closed it while it was idle: try the next one, at last a new one.
                if not kept or isinstance(failed.cause, TimeoutError):
                    raise self._unreachable(failed.cause, sent=sent and request.method == "POST") from failed
                continue
            if reply.opened is not None:
                return reply
            self._give_back(connection)
            if reply.status >= FIRST_PROBLEM or reply.content is None:
                raise error_of(_problem(reply, self.location))
            return reply

    def _give_back(self, connection: HTTPConnection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _connection(self) -> tuple[HTTPConnection, bool]:
        self.check_process()
        try:
            return self._idle.pop(), True
        except IndexError:
            if self._secure:
                self._tls = self._tls or ssl.create_default_context()
                return HTTPSConnection(self._host, self._port, context=self._tls), False
            return HTTPConnection(self._host, self._port), False

    def _begin_process(self) -> None:
        self._process = os.getpid()
        self._closed = False
        self._idle: deque[HTTPConnection] = deque()

    def check_process(self) -> None:
        """In a forked child, begin anew."""
        if os.getpid() != self._process:
            # The parent goes on with its connections; the child closes its copies of them.
            inherited = self._idle
            self._begin_process()
            for connection in inherited:
                connection.close()
            self._forked()

    def _unreachable(self, cause: Exception, *, sent: bool) -> UnavailableError:
        text = f"{self.location} does not answer: {str(cause) or type(cause).__name__}."
        if sent:
            return UnknownOutcomeError(f"{text} {_IN_DOUBT}")
        return UnavailableError(f"{text} Is `runledger server` running there?")


def _problem(reply: Reply, location: str) -> Problem:
    if isinstance(reply.content, dict) and "detail" in reply.content:
        return reply.content
    return {"status": reply.status, "detail": f"{location} answers {reply.status}, and not as a run ledger does"}


def _port(location: str) -> int | None:
    try:
        return urlsplit(location).port
    except ValueError as error:
        raise WorkspaceError(f"{location!r} names no server: {error}") from error
