"""A client of the stream of changes, as plain as can be."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from tests.runledger.server.running import Server

SECONDS = 60.0


@dataclass(frozen=True)
class Told:
    name: str
    data: dict[str, Any]
    id: str | None


def told_in(lines: Iterator[bytes]) -> Iterator[Told]:
    """The events of a stream, as a browser makes them of its lines."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\n")
        name, _, value = text.partition(": ")
        if text and name:
            fields[name] = value
        elif not text and "data" in fields:
            yield Told(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id"))
        if not text:
            fields = {}


@dataclass
class Following:
    """What one client was told so far; `ended` once the server has ended it."""

    told: list[Told] = field(default_factory=list)
    ended: bool = False

    def named(self, *names: str) -> list[Told]:
        return [each for each in list(self.told) if each.name in names]

    def positions(self, name: str = "run") -> list[int]:
        return [each.data["position"] for each in self.named(name)]

    def wait(self, ready: Callable[["Following"], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not ready(self):
            assert time.monotonic() < deadline, self.told
            time.sleep(0.005)


@contextmanager
def following(
    server: Server, *parameters: tuple[str, str], last: str | None = None, token: str | None = None
) -> Iterator[Following]:
    """Follow from a thread; begun once `position` has come."""
    headers = {} if last is None else {"Last-Event-ID": last}
    headers |= {} if token is None else {"Authorization": f"Bearer {token}"}
    connection = HTTPConnection(server.address, timeout=SECONDS)
    connection.request("GET", f"/api/v1/stream?{urlencode(parameters)}", headers=headers)
    response = connection.getresponse()
    assert (response.status, response.headers.get_content_type()) == (200, "text/event-stream"), response.read()
    found = Following()
    thread = threading.Thread(target=_read, args=(response, found))
    thread.start()
    try:
        found.wait(lambda it: it.named("position"))
        yield found
    finally:
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(2)
        thread.join()
        connection.close()


def _read(response: HTTPResponse, found: Following) -> None:
    with suppress(OSError, HTTPException, ValueError):
        for each in told_in(iter(response.readline, b"")):
            found.told.append(each)
    found.ended = True
