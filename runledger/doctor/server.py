"""A server as a client sees it: does it answer, is it ready, who are we to it, what time is it there."""

import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from ledger.errors import UnavailableError
from runledger import VERSION
from runledger.credentials import token_of
from runledger.doctor.finding import Finding, fail, looked, ok, warn

_SECONDS = 10.0
_CLOCK_SECONDS = 3.0
_FIGURE = re.compile(r'^(runledger_lag_events|runledger_lag_seconds)\{log="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def detail(self) -> str:
        """What the problem document says, else the status."""
        found = self.json()
        return str(found.get("detail", self.status)) if isinstance(found, dict) else str(self.status)

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def look_at_server(location: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    """All that can be seen from here."""
    asked_at = time.time()
    alive = _ask(location, "/livez")
    took = time.time() - asked_at
    if alive.status != HTTPStatus.OK:
        text = f"{location} answers {alive.status}, and not as a run ledger does"
        yield fail("server", text, "is the URL right, and does a proxy before it pass everything on?")
        return
    yield from looked("server", lambda: [_version(location, took)])
    yield from looked("ready", lambda: [_ready(location)])
    yield from looked("clock", lambda: [_clock(alive, asked_at, took)])
    token = token_of(location, environment)
    yield from looked("token", lambda: [_token(location, token)])
    yield from looked("server lag", lambda: _lag(location, token))


def _version(location: str, took: float) -> Finding:
    described = _ask(location, "/openapi.json").json()
    version = described.get("info", {}).get("version") if isinstance(described, dict) else None
    text = f"{location} answers within {took * 1000:.0f} ms; it is runledger {version or 'of an unknown version'}"
    if version is not None and version != VERSION:
        return warn("server", f"{text}, and here is {VERSION}", "install the same version on both sides")
    return ok("server", text)


def _ready(location: str) -> Finding:
    answer = _ask(location, "/readyz")
    if answer.status == HTTPStatus.OK:
        return ok("ready", "it is ready")
    return fail("ready", answer.detail(), "see `runledger doctor --data DIR` on the server's machine")


def _clock(answer: _Answer, asked_at: float, took: float) -> Finding:
    said = answer.headers.get("date")
    if said is None:
        return ok("clock", "the server does not say what time it is")
    # The header has whole seconds.
    ahead = parsedate_to_datetime(said).timestamp() + 0.5 - asked_at - took / 2
    if abs(ahead) > _CLOCK_SECONDS:
        text = f"the server's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this one"
        return warn("clock", text, "set both clocks by NTP (chrony, systemd-timesyncd)")
    return ok("clock", f"the server's clock is within {_CLOCK_SECONDS:.0f} s of this one")


def _token(location: str, token: str | None) -> Finding:
    answer = _ask(location, "/api/v1/me", token)
    what = "a token" if token else "no token"
    if answer.status == HTTPStatus.OK:
        me = answer.json()
        name = me.get("user") or "nobody in particular: it asks nobody for a token"
        return ok("token", f"with {what} we are {name}; role {me.get('role')}")
    way_out = f"`runledger login {location}` stores one; RUNLEDGER_TOKEN and RUNLEDGER_TOKEN_FILE name one"
    return fail("token", f"with {what}: {answer.detail()}", way_out)


def _lag(location: str, token: str | None) -> Iterator[Finding]:
    answer = _ask(location, "/metrics", token)
    if answer.status != HTTPStatus.OK:
        return
    found = {(name, log): float(value) for name, log, value in _FIGURE.findall(answer.body.decode(errors="replace"))}
    for log in sorted({log for _, log in found}):
        events = found.get(("runledger_lag_events", log), 0.0)
        seconds = found.get(("runledger_lag_seconds", log), 0.0)
        yield ok(f"{log} lag", f"{events:,.0f} record(s); it was at the end of its {log} log {seconds:.0f} s ago")


def _ask(location: str, path: str, token: str | None = None) -> _Answer:
    parts = urlsplit(location)
    if not parts.hostname:
        raise UnavailableError(f"{location} names no server; write http://HOST:PORT")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with closing(_connection(parts.scheme, parts.hostname, parts.port)) as connection:
        try:
            # Redirections are not followed: the token is for this server alone.
            connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
            reply = connection.getresponse()
            named = {name.lower(): value for name, value in reply.getheaders()}
            return _Answer(reply.status, named, reply.read())
        except (OSError, HTTPException) as error:
            text = str(error) or type(error).__name__
            raise UnavailableError(f"{location} does not answer: {text}. Is `runledger server` running?") from error


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=_SECONDS)
