"""Real server processes, and plain HTTP to them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[3]
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A process that has said its URL."""

    process: "subprocess.Popen[str]"
    url: str

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        connection = HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, dict(JSON if headers is None else headers))
            response = connection.getresponse()
            cookies = tuple(response.headers.get_all("set-cookie") or ())
            return Reply(response.status, dict(response.getheaders()), response.read(), cookies)
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def send(self, kind: str, *, to: str = "/api/v1/commands", **fields: Any) -> Reply:
        return self.ask("POST", to, json.dumps({"type": kind, "command": str(uuid4())} | fields).encode())

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 15) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def running(folder: Path, *options: str, at: str = "http://127.0.0.1:", program: str = "runledger") -> Iterator[Server]:
    """A server of a folder on a port of its own; not running any more at the end."""
    process = start(folder, *options, program=program)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        url = process.stdout.readline().strip()
        assert url.startswith(at), process.stderr.read()
        yield Server(process, url)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def start(folder: Path, *options: str, program: str = "runledger") -> "subprocess.Popen[str]":
    arguments = ["-m", program, "server", "--data", str(folder), "--port", "0", *options]
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
